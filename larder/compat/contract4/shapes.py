"""The bodies and answers of contract 4.

Its lists are whole, whatever they hold. So their rows are made in plain Python, some eight times
as fast as by the serializers, which document them.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from rest_framework import serializers

from larder.compat.fields import Amount, Moment, Text, moment
from larder.core.limits import MAX_NAME_LENGTH, MAX_STOCK
from larder.inventory.queries import StockedProduct
from larder.orders.queries import CartView, OrderView

PRICE_DIGITS, PRICE_DECIMALS = 7, 2
"""Digits of a price in this contract: in total, and after the decimal point."""


class ProductBody(serializers.Serializer[Any]):
    """A product as staff write it."""

    name = Text(max_length=MAX_NAME_LENGTH)
    price = serializers.DecimalField(
        max_digits=PRICE_DIGITS, decimal_places=PRICE_DECIMALS, min_value=Decimal(0)
    )
    quantity_in_stock = serializers.IntegerField(min_value=0, max_value=MAX_STOCK)


class ProductRow(serializers.Serializer[Any]):
    """A product with its available units."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    price = Amount()
    quantity_in_stock = serializers.IntegerField(source="quantity", min_value=0)


class OrderedProduct(serializers.Serializer[Any]):
    """A line of an order; `order` and `product` are ids."""

    id = serializers.IntegerField()
    quantity = serializers.IntegerField(min_value=1)
    order = serializers.IntegerField()
    product = serializers.IntegerField()


class OrderRow(serializers.Serializer[Any]):
    """An order, open while `submitted_at` is null; until then its total is at current prices."""

    id = serializers.IntegerField(source="number")
    total_amount = Amount(source="total")
    submitted_at = Moment(source="placed_at", allow_null=True)
    created_at = Moment()
    orderedproduct_set = OrderedProduct(source="lines", many=True)


class OrderId(serializers.Serializer[Any]):
    """The order to which a unit was added, or from which it was removed."""

    order_id = serializers.IntegerField()


def product_row(product: StockedProduct) -> dict[str, Any]:
    """Returns the members of ProductRow."""
    return {
        "id": product.id,
        "name": product.name,
        "price": amount(product.price),
        "quantity_in_stock": product.quantity,
    }


def order_row(order: OrderView | CartView) -> dict[str, Any]:
    """Returns the members of OrderRow. A completely returned line is still shown."""
    lines = [
        {"id": line.id, "quantity": line.quantity, "order": order.number, "product": line.product}
        for line in order.lines
    ]
    return {
        "id": order.number,
        "total_amount": amount(order.total),
        "submitted_at": order.placed_at and moment(order.placed_at),
        "created_at": moment(order.created_at),
        "orderedproduct_set": lines,
    }


def amount(exact: Decimal) -> str:
    """Returns two decimals, rounded half up, as the field Amount does.

    >>> amount(Decimal("2.205")), amount(Decimal("0"))
    ('2.21', '0.00')
    """
    return f"{exact.quantize(_CENT, ROUND_HALF_UP):f}"


_CENT = Decimal("0.01")
