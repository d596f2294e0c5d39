"""Contract 1: products, and orders whose ids the clients choose."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import path, re_path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat import accounts as common
from larder.compat.fields import Moment, Price
from larder.compat.ordering import REFUSED, LinesById, place, placed_orders, refusal
from larder.compat.products import product_rows
from larder.compat.views import CompatView, caller, needs, read
from larder.core.errors import KeyReused, NotFound
from larder.inventory import queries as inventory
from larder.orders import queries as orders


class Product(serializers.Serializer[Any]):
    """A product. `quantity` is the number of available units."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    price = Price()
    quantity = serializers.IntegerField()


class Line(serializers.Serializer[Any]):
    """A line of an order. `price` is that of one unit when it was placed."""

    id = serializers.IntegerField(source="product")
    name = serializers.CharField()
    price = Price(source="unit_price")
    quantity = serializers.IntegerField()


class Order(serializers.Serializer[Any]):
    """An order in its current state."""

    id = serializers.UUIDField()
    products = Line(many=True, source="lines")
    total = Price()
    created_at = Moment(source="placed_at")


class NewOrder(LinesById):
    """The lines of an order; `items` is another name for `products`."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, Mapping) and "products" not in data and "items" in data:
            data = {"products": data["items"]}
        read: dict[str, Any] = super().to_internal_value(data)
        return read


class ProductsView(CompatView):
    serializer_class = Product

    def get(self, request: Request) -> Response:
        return Response(self.page(product_rows(request)))


class ProductView(CompatView):
    serializer_class = Product

    def get(self, request: Request, product_id: int) -> Response:
        return Response(self.shown(inventory.product(caller(request).id, product_id)))


class OrdersView(CompatView):
    serializer_class = Order

    @needs(key="orders.view_order")
    def get(self, request: Request) -> Response:
        envelope = self.page(placed_orders(self, newest_first=True))
        # Contract 2 lists its resources at this path. It has one.
        if "2" in settings.COMPAT:
            envelope["orders"] = request.build_absolute_uri("/api/orders/orders/")
        return Response(envelope)


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


class OrderView(CompatView):
    serializer_class = Order

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Checks the id after the credentials, so it is not checked in the URL pattern. Raises
        NotFound for another text."""
        super().initial(request, *args, **kwargs)
        if not _UUID.fullmatch(kwargs["order_id"]):
            raise NotFound

    @needs(key="orders.view_order")
    def get(self, request: Request, order_id: str) -> Response:
        return Response(self.shown(orders.order(UUID(order_id), customer=caller(request).id)))

    @needs(key="orders.add_order")
    def post(self, request: Request, order_id: str) -> Response:
        """Places an order, once for each id. 200 is for the same order sent again."""
        lines, id = read(request, NewOrder)["products"], UUID(order_id)
        ordered = [(line["id"], line["quantity"]) for line in lines]
        try:
            placed = place(caller(request), ordered, order_id=id)
        except KeyReused:
            order = orders.order(id, customer=caller(request).id)
            units: Counter[int] = Counter()
            for product, quantity in ordered:
                units[product] += quantity
            same = units == {line.product: line.quantity for line in order.lines}
            # v1 placed it: orders of this contract have no details.
            if same and (order.note or order.reference or order.ship_to or order.requested_for):
                return Response(self.shown(order))
            detail = "An order with this id and different content exists."
            return Response({"detail": detail}, status=409)
        except REFUSED as error:
            raise refusal(error) from error
        return Response(self.shown(placed.order), status=200 if placed.replayed else 201)


urlpatterns = [
    *common.urlpatterns,
    path("api/products/", ProductsView.as_view()),
    path("api/products/<int:product_id>/", ProductView.as_view()),
    path("api/orders/", OrdersView.as_view()),
    # The one word that is contract 2's goes on to there.
    re_path(r"^api/orders/(?P<order_id>(?!orders/)[^/]+)/$", OrderView.as_view()),
]
