"""Contract 1: products, and orders whose ids the clients choose."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import path, re_path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat import tokens
from larder.compat.answers import conflict
from larder.compat.fields import Amount, Moment
from larder.compat.operations import FIELDS, PAGE, Access, Refusal, envelope, operation
from larder.compat.ordering import REFUSED, LinesById, place, refusal
from larder.compat.pages import Numbered, Rows, page
from larder.compat.views import CompatView, caller, read
from larder.core.errors import KeyReused, NotFound
from larder.inventory import queries as inventory
from larder.inventory.queries import ProductFilter
from larder.orders import queries as orders
from larder.orders.queries import OrderFilter
from larder.orders.services.placing.placement import Placed


class Product(serializers.Serializer[Any]):
    """A product. `quantity` is the number of available units."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    price = Amount()
    quantity = serializers.IntegerField()


class Line(serializers.Serializer[Any]):
    """A line of an order. `price` is that of one unit when it was placed."""

    id = serializers.IntegerField(source="product")
    name = serializers.CharField()
    price = Amount(source="unit_price")
    quantity = serializers.IntegerField()


class Order(serializers.Serializer[Any]):
    """An order in its current state."""

    id = serializers.UUIDField()
    products = Line(many=True, source="lines")
    total = Amount()
    created_at = Moment(source="placed_at")


class NewOrder(LinesById):
    """The lines of an order; `items` is another name for `products`."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Returns the fields, `items` as `products`. Raises ValidationError."""
        if isinstance(data, Mapping) and "products" not in data and "items" in data:
            data = {"products": data["items"]}
        read: dict[str, Any] = super().to_internal_value(data)
        return read


class ProductsView(CompatView):
    @operation("list_products", answers={200: envelope(Product), 404: Refusal}, parameters=PAGE)
    def get(self, request: Request) -> Response:
        """Lists the products by ascending id."""
        who, wanted = caller(request).id, ProductFilter()
        rows = Rows(
            lambda: inventory.count_products(wanted),
            lambda offset, limit: inventory.products(who, wanted, offset=offset, limit=limit),
        )
        return Response(page(request, rows, Numbered(), _products))


def _products(found: list[inventory.StockedProduct]) -> Any:
    return Product(found, many=True).data


class ProductView(CompatView):
    @operation("get_product", answers={200: Product, 404: Refusal})
    def get(self, request: Request, product_id: int) -> Response:
        """Shows a product."""
        return Response(Product(inventory.product(caller(request).id, product_id)).data)


CONTRACT_2 = {"orders": serializers.URLField(required=False)}
"""Contract 2 lists its resources at this path. It has one: orders."""


class OrdersView(CompatView):
    @operation(
        "list_orders",
        access=Access(key_permission="orders.view_order"),
        answers={200: envelope(Order, **CONTRACT_2), 404: Refusal},
        parameters=PAGE,
    )
    def get(self, request: Request) -> Response:
        """Lists the caller's orders, the newest first."""
        who = caller(request).id
        rows = Rows(
            lambda: orders.count(OrderFilter(who)),
            lambda offset, limit: self.whole(
                orders.page(who, newest_first=True, offset=offset, limit=limit)
            ),
        )
        found = page(request, rows, Numbered(), _orders)
        if "2" in settings.COMPAT:
            found["orders"] = request.build_absolute_uri("/api/orders/orders/")
        return Response(found)


def _orders(found: list[orders.OrderView]) -> Any:
    return Order(found, many=True).data


ORDER_ID = (
    OpenApiParameter(
        "order_id",
        OpenApiTypes.UUID,
        OpenApiParameter.PATH,
        description="A UUID of any version, with its dashes; the client makes it.",
    ),
)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


class OrderView(CompatView):
    only_places = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Checks the id after the credentials, so it is not checked in the URL pattern. Raises
        NotFound for another text."""
        super().initial(request, *args, **kwargs)
        if not _UUID.fullmatch(kwargs["order_id"]):
            raise NotFound

    @operation(
        "get_order",
        access=Access(key_permission="orders.view_order"),
        answers={200: Order, 404: Refusal},
        parameters=ORDER_ID,
    )
    def get(self, request: Request, order_id: str) -> Response:
        """Shows one of the caller's orders."""
        return Response(Order(orders.order(UUID(order_id), customer=caller(request).id)).data)

    @operation(
        "place_order",
        access=Access(key_permission="orders.add_order"),
        body=NewOrder,
        answers={200: Order, 201: Order, 400: FIELDS, 403: Refusal, 404: Refusal, 409: Refusal},
        parameters=ORDER_ID,
    )
    def post(self, request: Request, order_id: str) -> Response:
        """Places an order, once for each id. 200 is for the same order sent again."""
        lines = read(request, NewOrder)["products"]
        wanted = [(line["id"], line["quantity"]) for line in lines]
        try:
            placed = place(caller(request), wanted, order_id=UUID(order_id), lines_only=True)
        except KeyReused:
            return conflict("An order with this id and different content exists.")
        except REFUSED as error:
            raise refusal(error) from error
        return _answer(placed)


def _answer(placed: Placed) -> Response:
    return Response(Order(placed.order).data, status=200 if placed.replayed else 201)


urlpatterns = [
    *tokens.urlpatterns,
    path("api/products/", ProductsView.as_view()),
    path("api/products/<int:product_id>/", ProductView.as_view()),
    path("api/orders/", OrdersView.as_view()),
    # The one word that is contract 2's goes on to there.
    re_path(r"^api/orders/(?P<order_id>(?!orders/)[^/]+)/$", OrderView.as_view()),
]
