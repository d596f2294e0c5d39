"""Places and reads orders, with the public ids of products."""

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from larder.catalog import queries as catalog
from larder.compat.answers import order_refused
from larder.compat.contract2.addresses import absolute, created
from larder.compat.contract2.catalog import UNAVAILABLE
from larder.compat.fields import Lines, PublicId, Units, amount
from larder.compat.operations import operation
from larder.compat.ordering import REFUSED, place_keyed
from larder.compat.pages import ByOffsetOfLarge, Rows
from larder.compat.views import BrowsableView, caller, read
from larder.core.errors import DomainError, UnknownProducts
from larder.http import problems
from larder.http.idempotency import replay_headers
from larder.inventory.errors import InsufficientStock
from larder.orders import queries
from larder.orders.queries import OrderFilter, OrderView
from larder.orders.services.placing.placement import Placed

COMPLETED = "completed"
"""The status of every placed order in this contract, whatever its real status."""


class ItemWanted(serializers.Serializer[Any]):
    product = PublicId()
    quantity = Units(default=1)


class OrderWanted(serializers.Serializer[Any]):
    """A new order. Other sent fields are ignored: the server sets prices, total and status."""

    order_items = Lines(child=ItemWanted())


class Orders(BrowsableView):
    """The caller's orders."""

    serializer_class, pagination_class = OrderWanted, ByOffsetOfLarge

    @operation("list_orders", key_permission="orders.view_order", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Lists the caller's placed orders."""
        who = caller(request)
        rows = Rows(
            lambda: queries.count(OrderFilter(customer=who.id)),
            lambda offset, limit: self.whole(
                queries.page(who.id, newest_first=False, offset=offset, limit=limit)
            ),
        )
        return Response(self.page(rows, lambda orders: _shown(request, orders)))

    @operation(
        "place_order",
        key_permission="orders.add_order",
        responses={201: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request) -> Response:
        """Places an order, all lines or none. Lines of the same product are added."""
        items = read(request, OrderWanted)["order_items"]
        try:
            placed = _placed(request, items)
        except REFUSED as error:
            return order_refused(_sentence(error))
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


def _shown(request: Request, orders: Sequence[OrderView]) -> list[dict[str, Any]]:
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


class Order(BrowsableView):
    """A placed order. It cannot be changed here."""

    @operation("get_order", key_permission="orders.view_order", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: int) -> Response:
        """Shows one of the caller's orders."""
        order = queries.by_number(number, customer=caller(request).id)
        return Response(_shown(request, [order])[0])
