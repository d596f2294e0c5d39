"""The types of events that the shop tells, each one registered line.

One fact has one event with one id: for an order that of its row of `order_event`. A held order is
told as `order.held`, and as `order.placed` when it is confirmed.
"""

from typing import NamedTuple

from django.utils.translation import gettext_noop as _

_SEE_ORDERS, _SEE_REFUNDS, _SEE_PRODUCTS = (
    "orders.view_order",
    "orders.view_refunddue",
    "catalog.view_product",
)


class EventType(NamedTuple):
    """A type of event. `kind` is that of the object whose state an event tells: `order`, `payment`,
    `refund` or `product`. Who is told needs the `permission`."""

    name: str
    label: str
    permission: str
    kind: str


EVENT_TYPES = {
    registered.name: registered
    for registered in (
        EventType("order.placed", _("order placed, or confirmed"), _SEE_ORDERS, "order"),
        EventType("order.held", _("order awaits its payment"), _SEE_ORDERS, "order"),
        EventType("order.changed", _("order changed"), _SEE_ORDERS, "order"),
        EventType("order.cancelled", _("order cancelled"), _SEE_ORDERS, "order"),
        EventType("order.packed", _("order packed"), _SEE_ORDERS, "order"),
        EventType("order.shipped", _("order shipped"), _SEE_ORDERS, "order"),
        EventType("order.delivered", _("order delivered"), _SEE_ORDERS, "order"),
        EventType("order.returned", _("units returned"), _SEE_ORDERS, "order"),
        EventType("order.expired", _("order expired"), _SEE_ORDERS, "order"),
        EventType("payment.recorded", _("payment recorded"), _SEE_ORDERS, "payment"),
        EventType("refund.due", _("refund due"), _SEE_REFUNDS, "refund"),
        EventType("stock.low", _("product low in stock"), _SEE_PRODUCTS, "product"),
        EventType("stock.out", _("product out of stock"), _SEE_PRODUCTS, "product"),
        EventType("stock.back", _("product back in stock"), _SEE_PRODUCTS, "product"),
        EventType("product.changed", _("product changed"), _SEE_PRODUCTS, "product"),
    )
}
"""All types by name."""

TOLD_AS = {
    "placed": "order.placed",
    "confirmed": "order.placed",
    "held": "order.held",
    "changed": "order.changed",
    "unpacked": "order.changed",
    "unshipped": "order.changed",
    "tracked": "order.changed",
    "cancelled": "order.cancelled",
    "packed": "order.packed",
    "shipped": "order.shipped",
    "delivered": "order.delivered",
    "returned": "order.returned",
    "expired": "order.expired",
    "payment": "payment.recorded",
}
"""The types by those of `order_event`."""
