"""The tables of orders: orders with their lines, events and payments."""

from larder.orders.models.books import SalesChange
from larder.orders.models.cart import Cart
from larder.orders.models.orders import (
    PAYMENT_SUMS,
    Order,
    OrderEvent,
    OrderLine,
    OrderStatus,
    Payment,
    RefundDue,
)

__all__ = [
    "PAYMENT_SUMS",
    "Cart",
    "Order",
    "OrderEvent",
    "OrderLine",
    "OrderStatus",
    "Payment",
    "RefundDue",
    "SalesChange",
]
