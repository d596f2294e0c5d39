"""The lines of a customer's placed orders."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from larder.orders.models import OrderLine


@dataclass(frozen=True, slots=True)
class SoldLine:
    """A line of a placed order, and the time of placing. `unit_price` includes tax."""

    product: int
    name: str
    quantity: int
    unit_price: Decimal
    placed_at: datetime

    @property
    def line_total(self) -> Decimal:
        """Exact: quantity × unit price."""
        return self.unit_price * self.quantity


_LINE = ("product_id", "name", "quantity", "unit_price", "order__placed_at")


def line_history(customer: int, *, offset: int, limit: int) -> list[SoldLine]:
    """Returns up to `limit` lines of a customer's placed orders: newest order first, with its lines
    in the order in which they were sent."""
    rows = _placed(customer).order_by("-order__placed_at", "-order_id", "id")
    return [SoldLine(*row) for row in rows.values_list(*_LINE)[offset : offset + limit]]


def count_lines(customer: int) -> int:
    """Returns the number of lines of a customer's placed orders."""
    return _placed(customer).count()


def _placed(customer: int) -> QuerySet[OrderLine, Any]:
    return OrderLine.objects.filter(order__customer_id=customer)
