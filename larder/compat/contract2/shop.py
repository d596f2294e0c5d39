"""Products, which staff write, and orders, with the public ids of products."""

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from larder.catalog import queries as catalog
from larder.compat import products
from larder.compat.fields import Address, Lines, Price, Text, Units, absolute, amount, created
from larder.compat.ordering import REFUSED, place_keyed, placed_orders
from larder.compat.pages import ByOffset, ByOffsetOfLarge
from larder.compat.views import BrowsableView, caller, needs, read
from larder.core.clock import now
from larder.core.errors import DomainError, UnknownProducts
from larder.core.limits import MAX_DESCRIPTION_LENGTH, MAX_ID, MAX_STOCK
from larder.http import problems
from larder.http.api_headers import replay_headers
from larder.inventory import queries as inventory
from larder.inventory.errors import InsufficientStock
from larder.inventory.queries import ProductFilter
from larder.inventory.services.adjustments import dispatch
from larder.orders import queries
from larder.orders.queries import OrderView as PlacedOrder
from larder.orders.services.placing.placement import Placed

UNAVAILABLE = "Requested quantity is not available."


class ProductBody(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    name = Text(max_length=100)
    description = Text(max_length=MAX_DESCRIPTION_LENGTH, allow_blank=True)
    price = Price(digits=10)
    quantity = Units(min_value=0, max_value=MAX_STOCK, required=False)
    url = Address("/api/catalog/products/{0.id}/")
    public_id = serializers.UUIDField(read_only=True)


class Shipment(serializers.Serializer[Any]):
    quantity = Units()


class Filters(serializers.Serializer[Any]):
    """The filters of the list. An empty one is no filter."""

    category = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False)


class ProductsView(BrowsableView):
    """The products on sale."""

    serializer_class, pagination_class = ProductBody, ByOffset

    def get(self, request: Request) -> Response:
        """Lists all products, or those of a category."""
        filters = Filters(data=request.query_params)
        filters.is_valid(raise_exception=True)
        described = ProductFilter(**filters.validated_data, described=True)
        return Response(self.page(products.product_rows(request, described)))

    @needs("catalog.add_product")
    def post(self, request: Request) -> Response:
        return created(self.shown(products.create(request, ProductBody)))


class ProductView(products.ProductView, BrowsableView):
    """A product."""

    serializer_class = ProductBody


class ShipView(BrowsableView):
    """The dispatch of units without an order."""

    @needs("inventory.add_adjustment")
    def post(self, request: Request, product: int) -> Response:
        inventory.product(caller(request).id, product)
        quantity = read(request, Shipment)["quantity"]
        try:
            dispatch(product, quantity, caller=caller(request), now=now())
        except InsufficientStock as error:
            raise serializers.ValidationError([UNAVAILABLE]) from error
        return Response({"status": "Product was shipped"})


COMPLETED = "completed"
"""The status of every placed order in this contract, whatever its real status."""


class ItemWanted(serializers.Serializer[Any]):
    product = serializers.UUIDField()
    quantity = Units(default=1)


class OrderWanted(serializers.Serializer[Any]):
    """A new order. Other sent fields are ignored: the server sets prices, total and status."""

    order_items = Lines(child=ItemWanted())


class OrdersView(BrowsableView):
    """The caller's orders."""

    pagination_class = ByOffsetOfLarge

    @needs(key="orders.view_order")
    def get(self, request: Request) -> Response:
        rows = placed_orders(self, newest_first=False)
        return Response(self.page(rows, lambda orders: _shown(request, orders)))

    @needs(key="orders.add_order")
    def post(self, request: Request) -> Response:
        """Places an order, all lines or none. Lines of the same product are added."""
        items = read(request, OrderWanted)["order_items"]
        try:
            placed = _placed(request, items)
        except REFUSED as error:
            return Response({"error": _sentence(error)}, status=400)
        headers = replay_headers(replayed=placed.replayed)
        return created(_shown(request, [placed.order])[0], headers)


def _sentence(error: DomainError) -> str:
    match error:
        case InsufficientStock():
            return UNAVAILABLE
        case UnknownProducts():
            return "Product not found"
    return problems.kind_of(error.code).title


def _placed(request: Request, items: Sequence[Mapping[str, Any]]) -> Placed:
    """Raises the errors of `place_keyed`."""
    ids = catalog.ids_by_public_id({item["product"] for item in items})
    if any(item["product"] not in ids for item in items):
        raise UnknownProducts
    lines = [(ids[item["product"]], item["quantity"]) for item in items]
    return place_keyed(request, lines)


def _shown(request: Request, orders: Sequence[PlacedOrder]) -> list[dict[str, Any]]:
    """Returns the caller's orders, with the newest line of each first."""
    products = catalog.public_ids({line.product for order in orders for line in order.lines})
    return [
        {
            "id": order.number,
            "customer": caller(request).public_id,
            "order_items": [
                {
                    "id": line.id,
                    "product": products[line.product],
                    "quantity": line.quantity,
                    "price": amount(line.unit_price),
                }
                for line in reversed(order.lines)
            ],
            "total": amount(order.total),
            "status": COMPLETED,
            "url": absolute(request, f"/api/orders/orders/{order.number}/"),
            "public_id": order.id,
        }
        for order in orders
    ]


class OrderView(BrowsableView):
    """A placed order. It cannot be changed here."""

    @needs(key="orders.view_order")
    def get(self, request: Request, number: int) -> Response:
        order = queries.by_number(number, customer=caller(request).id)
        return Response(_shown(request, [order])[0])
