"""What mails to customers and to the shop say of orders: the state of the moment in which they are
sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from msgspec import structs

from larder.core.errors import NotFound
from larder.inventory import queries as inventory
from larder.notifications.formatting import amount, grouped, minor_amount, time_of
from larder.notifications.mail_texts import ORDER
from larder.orders import payment_state, queries
from larder.orders.lifecycle import CANCELLED, DELIVERED, PENDING, RETURNED, SHIPPED, SOLD, STATUSES
from larder.orders.payment_state import Kind as PaymentKind
from larder.orders.queries import LineView, OrderView
from larder.relay.queries import Delivery

CUSTOMER, SHOP = "customer", "shop"
LEFT = frozenset({SHIPPED, DELIVERED, RETURNED})

MOST_ROWS = 50
"""Lines or products that a mail lists."""

NOBODY = 0
"""The customer whose prices are read with products, and not shown."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of mail, and its template: to whom it goes, of which events, and in which statuses of
    the order it is still true."""

    name: str
    target: str
    events: frozenset[str]
    statuses: frozenset[str] = frozenset(STATUSES)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("placed", CUSTOMER, frozenset({"placed", "confirmed"}), SOLD),
        Kind("held", CUSTOMER, frozenset({"held"}), frozenset({PENDING})),
        Kind("changed", CUSTOMER, frozenset({"changed"}), SOLD),
        Kind("cancelled", CUSTOMER, frozenset({"cancelled"}), frozenset({CANCELLED})),
        Kind("shipped", CUSTOMER, frozenset({"shipped", "tracked"}), LEFT),
        Kind("returned", CUSTOMER, frozenset({"returned"}), LEFT),
        Kind("refunded", CUSTOMER, frozenset({PaymentKind.REFUNDED})),
        Kind("new_order", SHOP, frozenset({"placed", "confirmed"}), SOLD),
        Kind("refund_due", SHOP, frozenset({"refund.due"})),
        Kind("low_stock", SHOP, frozenset({"stock.low", "stock.out"})),
    )
}
"""All kinds by name, as ORDER_MAILS has them."""

LOW_STOCK = KINDS["low_stock"]


def sent_kinds() -> list[Kind]:
    """Returns the kinds of mails that this shop sends."""
    kinds = [KINDS[name] for name in sorted(settings.ORDER_MAILS) if settings.EMAIL_URL]
    return [kind for kind in kinds if kind.target == CUSTOMER or settings.SHOP_MAIL]


def kind_of(type: str, data: Mapping[str, Any], target: str) -> Kind | None:
    """Returns the kind of mail that the shop sends about an event; None if it sends none."""
    fact = data["payment"]["kind"] if "payment" in data else data.get("event", type)
    kinds = (kind for kind in sent_kinds() if fact in kind.events and kind.target == target)
    return next(kinds, None)


def addressed(
    delivery: Delivery, orders: Mapping[UUID, OrderView], emails: Mapping[int, str]
) -> tuple[str, str, Mapping[str, Any]] | None:
    """Returns the template, the recipient, and what the template shows; None if nobody gets the
    mail, or if it is not true any more. `orders` has its order, `emails` the address of the order's
    customer. Raises NotFound if the refund does not exist any more."""
    kind = kind_of(delivery.type, delivery.data, delivery.target)
    if kind is None:
        return None
    if "products" in delivery.data:
        return kind.name, settings.SHOP_MAIL, _of_products(delivery.data)
    if "currency" in delivery.data:
        context = _of_refund(UUID(delivery.object), delivery.data["currency"], orders)
        return kind.name, settings.SHOP_MAIL, context
    order = orders.get(UUID(delivery.object))
    if order is None or order.status not in kind.statuses:
        return None
    context = _of_order(order, kind, delivery.data)
    if kind.target == SHOP:
        context["link"] = _admin("orders_order_change", order.id)
        return kind.name, settings.SHOP_MAIL, context
    email = emails.get(order.customer)
    return (kind.name, email, context) if email else None


def shop_time(at: datetime) -> str:
    """Returns a time in the shop's time zone, with its name: the reader may live in another one."""
    zone = ZoneInfo(settings.SHOP_TIME_ZONE)
    return f"{time_of(at, zone)} {at.astimezone(zone):%Z}"


def _of_order(order: OrderView, kind: Kind, data: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what the mails show of an order: nothing that its customer wrote, because nobody has
    checked that the address is the customer's own."""
    lines, total = order.lines, order.total
    if kind.name == "returned":
        lines = [_returned(line) for line in lines if line.returned]
        total -= order.unreturned_total
    refund = payment_state.refund_due(order.sums, order.payable)
    return {
        "order": order,
        "number": order.number,
        "total": amount(total, order.currency),
        "until": shop_time(order.expires_at) if order.expires_at else "",
        "refund": minor_amount(refund, order.currency) if refund else "",
        "paid_back": _paid_back(data["payment"]) if "payment" in data else "",
        "rows": [_row(line, order.currency) for line in lines[:MOST_ROWS]],
        "more": len(lines[MOST_ROWS:]),
        "link": settings.APP_ORDER_URL.replace(ORDER, str(order.id)),
    }


def _returned(line: LineView) -> LineView:
    """Returns the line with its returned units alone."""
    return structs.replace(line, quantity=line.returned, ordered=None)


def _row(line: LineView, currency: str) -> dict[str, str]:
    return {
        "quantity": grouped(line.quantity),
        "ordered": grouped(line.ordered) if line.ordered else "",
        "name": line.name,
        "amount": amount(line.line_total, currency),
    }


def _paid_back(payment: Mapping[str, str]) -> str:
    """Returns the amount of a payment's record, by its names in the event."""
    record = queries.payment_of(**payment)
    return minor_amount(record.amount, record.currency) if record else ""


def _of_refund(id: UUID, currency: str, orders: Mapping[UUID, OrderView]) -> dict[str, Any]:
    """Returns what is due of an order, or of the id of one that was abandoned, without a number."""
    due, order = queries.refund_due(id, currency), orders.get(id)
    if due is None:
        raise NotFound
    return {
        "number": order.number if order else "",
        "refund": minor_amount(due.amount, currency),
        "link": _admin("orders_refunddue_changelist"),
    }


def _of_products(data: Mapping[str, Any]) -> dict[str, Any]:
    chosen = inventory.ProductFilter(ids=tuple(data["products"]))
    products = inventory.products(NOBODY, chosen, limit=MOST_ROWS)
    return {
        "products": len(products) + data["more"],
        "rows": [
            {"quantity": grouped(product.quantity), "name": f"{product.name} ({product.sku})"}
            for product in products
        ],
        "more": data["more"],
        "link": _admin("catalog_product_changelist", query="?stock=low"),
    }


def _admin(page: str, *key: Any, query: str = "") -> str:
    """Returns the address of a page of the admin; empty without PUBLIC_URL."""
    path = reverse(f"admin:{page}", args=key)
    return f"{settings.PUBLIC_URL}{path}{query}" if settings.PUBLIC_URL else ""
