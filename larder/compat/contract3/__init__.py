"""Contract 3: users by name, products with three decimals, orders line by line.

Its lists have the slash at the end of their paths, what is in them is addressed without it.
"""

from typing import Any

from django.urls import URLPattern, path

from larder.compat import tokens
from larder.compat.contract3.orders import OrdersView
from larder.compat.contract3.products import ProductsView, ProductView
from larder.compat.contract3.users import RegisterView, UsersView, UserView
from larder.compat.views import CompatView


def _either_way(route: str, view: type[CompatView]) -> list[URLPattern]:
    """The path without its slash, which the document shows, and with it."""
    undocumented: Any = {"schema": None}
    return [path(route, view.as_view()), path(f"{route}/", view.as_view(**undocumented))]


urlpatterns = [
    *tokens.urlpatterns,
    path("api/register/", RegisterView.as_view()),
    path("api/user/", UsersView.as_view()),
    *_either_way("api/user/<str:user>", UserView),
    path("api/product/", ProductsView.as_view()),
    *_either_way("api/product/<str:product>", ProductView),
    path("api/order/", OrdersView.as_view()),
]
