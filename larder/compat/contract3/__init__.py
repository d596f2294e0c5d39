"""Contract 3: users by name, products with three decimals, orders line by line.

Its lists have the slash at the end of their paths, what is in them is addressed without it.
"""

from django.urls import path, re_path

from larder.compat import tokens
from larder.compat.contract3.orders import OrdersView
from larder.compat.contract3.products import ProductsView, ProductView
from larder.compat.contract3.users import RegisterView, UsersView, UserView

urlpatterns = [
    *tokens.urlpatterns,
    path("api/register/", RegisterView.as_view()),
    path("api/user/", UsersView.as_view()),
    re_path(r"^api/user/(?P<user>[^/]+)/?\Z", UserView.as_view()),
    path("api/product/", ProductsView.as_view()),
    re_path(r"^api/product/(?P<product>[^/]+)/?\Z", ProductView.as_view()),
    path("api/order/", OrdersView.as_view()),
]
