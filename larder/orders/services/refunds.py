"""The refunds that are due: what the shop holds above what an order costs."""

from datetime import datetime
from uuid import UUID

from larder.orders.models import Order, RefundDue
from larder.orders.payment_state import Balances


def balances_of(order: Order) -> Balances | None:
    """Returns the sums of an order's payments; None without any."""
    if order.captured is None:
        return None
    sums = (order.authorised, order.captured, order.refunded, order.disputed)
    return Balances(*(one or 0 for one in sums))


def set_refund_due(order: UUID, currency: str, amount: int, *, now: datetime) -> None:
    """Writes what is due of an order in one currency, in minor units; 0 settles it. `since` stays
    when the amount changes.

    Assumes that the order is locked, or its id (payments.py).
    """
    if amount:
        due = RefundDue(order=order, currency=currency, amount=amount, since=now)
        RefundDue.objects.bulk_create(
            [due],
            update_conflicts=True,
            update_fields=["amount"],
            unique_fields=["order", "currency"],
        )
    else:
        RefundDue.objects.filter(order=order, currency=currency).delete()
