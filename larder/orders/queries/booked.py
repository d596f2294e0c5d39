"""The bookings of a period: each line as it was placed, and what changed it later."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from larder.db import database
from larder.orders.lifecycle import SOLD
from larder.orders.models import SalesChange
from larder.orders.queries.order_views import OrderView

CHANGES_OF_A_PART = 500
PLACED = "placed"
"""The type of the booking of an order that counts from its placing."""


@dataclass(frozen=True, slots=True)
class Booking:
    """What a line counts from `at` on, or what of it changed then, as SalesChange has it."""

    order: UUID
    version: int
    product: int
    type: str
    at: datetime
    sku: str
    name: str
    unit_price: Decimal
    tax_rate: Decimal | None
    quantity: int
    gross: int
    net: int | None
    returned: int
    returned_gross: int
    returned_net: int | None

    def plus(self, other: "Booking", sign: int) -> "Booking":
        """Returns this booking with the amounts of another of its line added, or taken off."""
        net = None if self.net is None else self.net + sign * (other.net or 0)
        came_back = self.returned_net
        return replace(
            self,
            quantity=self.quantity + sign * other.quantity,
            gross=self.gross + sign * other.gross,
            net=net,
            returned=self.returned + sign * other.returned,
            returned_gross=self.returned_gross + sign * other.returned_gross,
            returned_net=None
            if came_back is None
            else came_back + sign * (other.returned_net or 0),
        )


_COLUMNS = ("order_id", *Booking.__slots__[1:])


def placed_bookings(orders: Sequence[OrderView]) -> list[Booking]:
    """Returns what these orders counted when they were placed: their lines without all later
    changes. Orders with a hold count nothing then."""
    plain = [order for order in orders if order.expires_at is None]
    changes: dict[UUID, list[Booking]] = defaultdict(list)
    ids = [order.id for order in plain]
    versions = {order.id: order.version for order in plain}
    for row in SalesChange.objects.filter(order__in=ids).order_by("id").values_list(*_COLUMNS):
        change = Booking(*row)
        # A later change is not in the lines that were read.
        if change.version <= versions[change.order]:
            changes[change.order].append(change)
    return [booking for order in plain for booking in _placed(order, changes[order.id])]


def _placed(order: OrderView, changes: Sequence[Booking]) -> Iterator[Booking]:
    """Yields the bookings of one order at its placing."""
    lines: dict[tuple[object, ...], Booking] = {}
    for booking in _present(order) if order.status in SOLD else ():
        lines[_line(booking)] = booking
    for change in changes:
        same = lines.get(_line(change))
        nothing = replace(change, type=PLACED, at=order.placed_at)
        before = same or nothing.plus(change, -1)
        lines[_line(change)] = before.plus(change, -1)
    yield from (one for one in lines.values() if one.quantity or one.gross)


def _line(booking: Booking) -> tuple[object, ...]:
    return booking.product, booking.unit_price, booking.tax_rate


def _present(order: OrderView) -> Iterator[Booking]:
    """Yields what the lines count now."""
    for line, sold, kept in zip(order.lines, order.amounts, order.kept_amounts, strict=True):
        came_back = None if sold.net is None or kept.net is None else sold.net - kept.net
        yield Booking(
            *(order.id, order.version, line.product, PLACED, order.placed_at, line.sku, line.name),
            *(line.unit_price, line.tax_rate, line.quantity, sold.gross, sold.net),
            *(line.returned, sold.gross - kept.gross, came_back),
        )


def changes_in_parts(begins: datetime, ends: datetime) -> Iterator[list[Booking]]:
    """Yields the changes from one moment until before another in parts, oldest first."""
    rows = SalesChange.objects.filter(at__gte=begins, at__lt=ends).order_by("at", "id")
    after: tuple[datetime, int] | None = None
    while True:
        wanted = rows if after is None else rows.extra(where=["(at, id) > (%s, %s)"], params=after)
        page = list(wanted.values_list("id", *_COLUMNS)[:CHANGES_OF_A_PART])
        database.release()
        if not page:
            return
        yield [Booking(*row) for _, *row in page]
        after = (page[-1][5], page[-1][0])
