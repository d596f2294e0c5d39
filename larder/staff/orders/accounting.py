"""The accounting export: the lines of the orders of a period with their customers and addresses.

The file is streamed as `GET orders.csv` of the API is, with the same limits.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth import get_user_model
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext

from larder.core import money
from larder.core.clock import midnight
from larder.core.errors import Overloaded
from larder.core.money import from_minor
from larder.db import database
from larder.http.long_files import begin, stream
from larder.identity.queries import PARCEL_FIELDS
from larder.orders import payment_state
from larder.orders.queries import OrderView, sales
from larder.orders.queries.sales import PLACED
from larder.staff.base import ServiceAdmin, button
from larder.staff.confirming import require_confirmation
from larder.staff.exports import safe_text
from larder.staff.formatting import customer_name
from larder.staff.lists import shop_zone
from larder.staff.pages import Page, day, show
from larder.staff.recording import caller_of
from larder.staff.words import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Row:
    """A booking with its order, the name of the customer, and what the order counts in all."""

    order: OrderView
    booking: Any
    username: str
    order_total: int

    def amount(self, units: Any) -> object:
        """Returns an amount in minor units as the file has it; empty if it is unknown."""
        return "" if units is None else from_minor(units, self.order.currency)

    def tax(self, gross: int, net: int | None) -> object:
        return self.amount(None if net is None else gross - net)

    def payment(self) -> str:
        return payment_state.state(self.order.sums, self.order.payable).value


def _ship_to(field: str) -> Callable[[Row], object]:
    return lambda row: _text((row.order.ship_to or {}).get(field))


COLUMNS: Mapping[str, Callable[[Row], object]] = {
    "number": lambda row: row.order.number,
    "placed_on": lambda row: _day(row.order.placed_at),
    "status": lambda row: row.order.status,
    "payment": Row.payment,
    "username": lambda row: _text(row.username),
    "reference": lambda row: _text(row.order.reference),
    "sku": lambda row: _text(row.booking.sku),
    "product_name": lambda row: _text(row.booking.name),
    "quantity": lambda row: row.booking.quantity,
    "returned": lambda row: row.booking.returned,
    "unit_price": lambda row: _number(row.booking.unit_price),
    "line_total": lambda row: row.amount(row.booking.gross),
    "returned_total": lambda row: row.amount(row.booking.returned_gross),
    "currency": lambda row: row.order.currency,
    **{f"ship_to_{field}": _ship_to(field) for field in PARCEL_FIELDS},
    "order_total": lambda row: row.amount(row.order_total if row.booking.type == PLACED else None),
    "tax_rate": lambda row: _number(row.booking.tax_rate),
    "line_net": lambda row: row.amount(row.booking.net),
    "line_tax": lambda row: row.tax(row.booking.gross, row.booking.net),
    "returned_net": lambda row: row.amount(row.booking.returned_net),
    "returned_tax": lambda row: row.tax(row.booking.returned_gross, row.booking.returned_net),
    "booked_on": lambda row: _day(row.booking.at),
    "booking": lambda row: row.booking.type,
}
"""The columns of a file and their cells. New columns are added at the end."""

_DAYS = [MinValueValidator(date(1900, 1, 1)), MaxValueValidator(date(9000, 1, 1))]
"""Each of them has a day before and a day after it, in every time zone."""


class PeriodForm(forms.Form):
    """The first and the last day of a period, in the shop's time zone."""

    first = day(_("From"), validators=_DAYS)
    last = day(_("To"), validators=_DAYS)

    def clean(self) -> dict[str, Any]:
        sent = self.cleaned_data
        if "first" in sent and "last" in sent and sent["last"] < sent["first"]:
            self.add_error("last", gettext("The last day is before the first."))
        return sent


class AccountableOrders(ServiceAdmin):
    """The page of the accounting export, for staff who may export orders."""

    @button(
        _("Accounting export"),
        permissions=["orders.export_order"],
        icon="download",
        url_path="accounting",
    )
    def accounting(self, request: Any) -> HttpResponseBase:
        require_confirmation(request)
        form = PeriodForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                return _csv(request, form.cleaned_data["first"], form.cleaned_data["last"])
            except Overloaded as refusal:
                self.tell_refusal(request, refusal, {})
        page = Page(
            title=gettext("Accounting export"),
            answer=gettext("Export"),
            back=self.list_address,
            form=form,
            text=gettext(
                "What was sold in these days: a file with a row for each line as it was placed, "
                "and for each later change, cancellation or return on its own day. Orders that "
                "await their payment are sold when they are confirmed."
            ),
        )
        return show(request, page)


def _csv(request: Any, first: date, last: date) -> HttpResponseBase:
    # With a byte order mark, without which Excel takes UTF-8 for something else.
    names = (f"\ufeff{name}" if name == "number" else name for name in COLUMNS)
    file = stream(caller_of(request), _parts(first, last), names, _cells)
    begin(file, "order lines", {"placed_from": str(first), "placed_to": str(last)})
    named = f'attachment; filename="order-lines-{first}-{last}.csv"'
    return StreamingHttpResponse(
        file, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": named}
    )


def _parts(first: date, last: date) -> Iterator[list[Row]]:
    zone = shop_zone()
    end = midnight(last + timedelta(days=1), zone)
    for orders, bookings in sales.bookings(midnight(first, zone), end):
        yield _rows(orders, bookings)


def _rows(orders: Mapping[UUID, OrderView], bookings: Sequence[Any]) -> list[Row]:
    customers = {order.customer for order in orders.values()}
    people = get_user_model()._default_manager.filter(pk__in=customers).order_by("pk")
    names = {person.pk: customer_name(person) for person in people}
    database.release()
    totals: Counter[UUID] = Counter()
    for booking in bookings:
        if booking.type == PLACED:
            totals[booking.order_id] += booking.gross
    return [
        Row(
            orders[booking.order_id],
            booking,
            names.get(orders[booking.order_id].customer, ""),
            totals[booking.order_id],
        )
        for booking in bookings
    ]


def _cells(rows: Iterable[Row]) -> Iterator[list[object]]:
    return ([cell(row) for cell in COLUMNS.values()] for row in rows)


def _day(at: datetime) -> date:
    return at.astimezone(shop_zone()).date()


def _number(number: Decimal | None) -> object:
    return "" if number is None else Decimal(money.text(number))


def _text(value: str | None) -> str:
    return safe_text(value or "")
