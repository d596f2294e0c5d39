"""Contract 4: the open order, a cart that is filled unit by unit and then submitted."""

from django.urls import path

from larder.compat.contract4.open_order import Addition, Removal, Submission
from larder.compat.contract4.orders import Current, Order, Orders
from larder.compat.contract4.products import Product, Products
from larder.compat.contract4.token import Token

urlpatterns = [
    path("token/", Token.as_view()),
    path("products/", Products.as_view()),
    path("products/<int:product>/", Product.as_view()),
    path("products/<int:product>/add_to_order/", Addition.as_view()),
    path("products/<int:product>/remove_from_order/", Removal.as_view()),
    path("orders/", Orders.as_view()),
    path("orders/current/", Current.as_view()),
    path("orders/<int:order>/", Order.as_view()),
    path("orders/<int:order>/submit/", Submission.as_view()),
]
