"""The accounting export: the lines of the orders of a period with their customers and addresses, or
their sums by tax rate.

CSV is streamed as `GET orders.csv` of the API is, with the same limits. XLSX is made in memory,
with the limits of the exports of lists.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import chain, islice
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth import get_user_model
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminTextInputWidget

from larder.core import money
from larder.core.currencies import from_minor
from larder.core.days import midnight
from larder.core.limits import MAX_DASHBOARD_DAYS, MAX_EXPORTED_ROWS
from larder.db import database
from larder.http.long_files import begin, stream
from larder.identity.queries import PARCEL_FIELDS
from larder.identity.services import audit
from larder.orders import payment_state, queries
from larder.orders.queries import PLACED, Booking, OrderFilter, OrderView, history_in_parts
from larder.staff.base import ServiceAdmin, button, caller_of
from larder.staff.confirming import require_confirmation
from larder.staff.exports import one_at_a_time, safe_text, workbook
from larder.staff.formatting import customer_name, day_of, grouped, localized
from larder.staff.language import gettext_lazy as _
from larder.staff.language import in_english
from larder.staff.lists import shop_zone
from larder.staff.pages import Page, choice, show

COLUMNS = (
    *("number", "placed_on", "status", "payment", "username", "reference"),
    *("sku", "product_name", "quantity", "returned", "unit_price", "line_total", "returned_total"),
    *("currency", *(f"ship_to_{one}" for one in PARCEL_FIELDS)),
    *("order_total", "tax_rate", "line_net", "line_tax", "returned_net", "returned_tax"),
    *("booked_on", "booking"),
)
"""The first line. New columns are added at the end."""

TAX_COLUMNS = (
    *("tax_rate", "currency", "sold_gross", "sold_net", "sold_tax"),
    *("returned_gross", "returned_net", "returned_tax"),
)

HEADS = (
    *(_("Tax rate, %"), _("Currency"), _("Sold, gross"), _("Sold, net"), _("Sold, tax")),
    *(_("Returned, gross"), _("Returned, net"), _("Returned, tax")),
)

LINES, SUMS, SHOWN = "lines", "sums", "shown"
CONTENTS = (
    (LINES, _("A file with a row for each line")),
    (SUMS, _("A file with the sums by tax rate")),
    (SHOWN, _("The sums by tax rate, on this page")),
)

AS_CSV, AS_XLSX = "csv", "xlsx"
FORMATS = ((AS_CSV, "CSV"), (AS_XLSX, "XLSX"))


_DAYS = [MinValueValidator(date(1900, 1, 1)), MaxValueValidator(date(9000, 1, 1))]
"""Each of them has a day before and a day after it, in every time zone."""


def _day(label: str) -> forms.DateField:
    widget = UnfoldAdminTextInputWidget(attrs={"type": "date"})
    return forms.DateField(label=label, validators=_DAYS, widget=widget)


class PeriodForm(forms.Form):
    """The first and the last day of a period, in the shop's time zone."""

    first = _day(_("From"))
    last = _day(_("To"))
    content = choice(
        _("Content"),
        CONTENTS,
        required=False,
        help_text=format_lazy(
            _("Lines of any period, or sums of at most {} days."), MAX_DASHBOARD_DAYS
        ),
    )
    format = choice(
        _("Format"),
        FORMATS,
        required=False,
        help_text=format_lazy(
            _("Of the file. XLSX has at most {rows} lines."),
            rows=lazy(grouped, str)(MAX_EXPORTED_ROWS),
        ),
    )

    def clean(self) -> dict[str, Any]:
        """Refuses a period that ends before it begins, or is too long for sums."""
        given = self.cleaned_data
        if "first" in given and "last" in given:
            days = (given["last"] - given["first"]).days
            if days < 0:
                self.add_error("last", gettext("The last day is before the first."))
            elif given.get("content") in {SUMS, SHOWN} and days >= MAX_DASHBOARD_DAYS:
                text = gettext("Sums are of at most {} days.").format(MAX_DASHBOARD_DAYS)
                self.add_error("last", text)
        return given


class AccountableOrders(ServiceAdmin):
    """The page of the accounting export, for staff who may export orders."""

    actions_list: Any = ("accounting",)

    def has_accounting_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may export orders."""
        return self.may(request, "export")

    @button(
        _("Accounting export"), permissions=["accounting"], icon="download", url_path="accounting"
    )
    def accounting(self, request: Any) -> HttpResponseBase:
        """Asks for the password and the period, then sends the file, or shows the sums."""
        require_confirmation(request)
        form, table = PeriodForm(request.POST if request.method == "POST" else None), {}
        if form.is_valid():
            first, last, content, kind = (form.cleaned_data[one] for one in form.fields)
            try:
                if content != SHOWN:
                    return _ANSWERS.get(kind, _csv)(request, File(first, last, content == SUMS))
            except TooManyLines:
                form.add_error("format", TOO_MANY)
        if form.is_valid():
            rows = [_shown(row) for row in _sums(first, last)]
            title = gettext("{} to {}").format(day_of(first), day_of(last))
            table = {"title": title, "headers": HEADS, "rows": rows}
        page = Page(
            title=gettext("Accounting export"),
            answer=gettext("Export"),
            back=reverse("admin:orders_order_changelist"),
            form=form,
            text=gettext(
                "What was sold in these days: a file with a row for each line as it was placed, "
                "and for each later change, cancellation or return on its own day; or sums by tax "
                "rate. Orders that await their payment are sold when they are confirmed."
            ),
            table=table,
        )
        return show(self, request, page)


class TooManyLines(Exception):
    """A workbook would have more than MAX_EXPORTED_ROWS rows."""


TOO_MANY = format_lazy(
    _("An XLSX file has at most {rows} lines. Choose fewer days, or CSV."),
    rows=lazy(grouped, str)(MAX_EXPORTED_ROWS),
)

Rows = Callable[[Iterable[Any]], Iterator[Iterable[object]]]


@dataclass(frozen=True, slots=True)
class File:
    """An export: its days, and whether it has sums in place of lines."""

    first: date
    last: date
    is_sums: bool

    @property
    def name(self) -> str:
        """The name in the audit trail."""
        return "tax sums" if self.is_sums else "order lines"

    @property
    def title(self) -> str:
        """The name of the file."""
        return f"{self.name.replace(' ', '-')}-{self.first}-{self.last}"

    @property
    def days(self) -> dict[str, str]:
        """The filters in the audit trail."""
        return {"placed_from": str(self.first), "placed_to": str(self.last)}

    def content(self) -> tuple[tuple[str, ...], Iterator[list[Any]], Rows]:
        """Returns the columns, parts of what is exported, and what makes the rows of a part."""
        if self.is_sums:
            return TAX_COLUMNS, iter([_sums(self.first, self.last)]), iter
        begins, ends = _moments(self.first, self.last)
        # Both ends of a filter are exclusive.
        after = begins - timedelta(microseconds=1)
        wanted = OrderFilter(customer=None, placed_after=after, placed_before=ends)
        placed = map(_placed_rows, history_in_parts(wanted))
        changed = map(_changed_rows, queries.changes_in_parts(begins, ends))
        return COLUMNS, chain(placed, changed), iter


def _csv(request: Any, exported: File) -> HttpResponseBase:
    """Raises Overloaded."""
    columns, parts, rows_of = exported.content()
    # With a byte order mark, without which Excel takes UTF-8 for something else.
    marked = (f"\ufeff{columns[0]}", *columns[1:])
    file = stream(caller_of(request), parts, marked, rows_of)
    begin(file, exported.name, exported.days)
    named = f'attachment; filename="{exported.title}.csv"'
    return StreamingHttpResponse(
        file, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": named}
    )


def _xlsx(request: Any, exported: File) -> HttpResponseBase:
    """Raises Overloaded, TooManyLines."""
    with one_at_a_time(request), in_english():
        columns, parts, rows_of = exported.content()
        each = chain.from_iterable(map(rows_of, parts))
        rows = list(islice(each, MAX_EXPORTED_ROWS + 1))
        if len(rows) > MAX_EXPORTED_ROWS:
            raise TooManyLines
        audit.record(f"export:{exported.name}", "export", after=exported.days)
        database.release()
        return workbook(exported.title, [columns, *rows])


_ANSWERS: Mapping[str, Callable[[Any, File], HttpResponseBase]] = {AS_XLSX: _xlsx}


def _moments(first: date, last: date) -> tuple[datetime, datetime]:
    """Returns when the first day begins and the last one ends, in the shop's time zone."""
    zone = shop_zone()
    return midnight(first, zone), midnight(last + timedelta(days=1), zone)


def _sums(first: date, last: date) -> list[list[object]]:
    """Returns a row for each currency and tax rate, with the columns TAX_COLUMNS."""
    return [
        [
            _rate(one.rate),
            one.currency,
            *_with_tax(one.gross, one.net),
            *_with_tax(one.returned_gross, one.returned_net),
        ]
        for one in queries.tax_sums(*_moments(first, last))
    ]


def _shown(row: Sequence[object]) -> list[str]:
    """Returns a row of sums with the marks of the language."""
    return [localized(str(one)) for one in row]


def _with_tax(gross: Decimal, net: Decimal | None) -> list[object]:
    return [gross, "", ""] if net is None else [gross, net, gross - net]


def _placed_rows(orders: Sequence[OrderView]) -> list[list[object]]:
    """Returns a row for each line of the orders as it was placed, with its order's columns."""
    return _rows({order.id: order for order in orders}, queries.placed_bookings(orders))


def _changed_rows(bookings: Sequence[Booking]) -> list[list[object]]:
    """Returns a row for each change."""
    return _rows(queries.orders({booking.order for booking in bookings}), bookings)


def _rows(orders: Mapping[UUID, OrderView], bookings: Sequence[Booking]) -> list[list[object]]:
    customers = {order.customer for order in orders.values()}
    people = get_user_model()._default_manager.filter(pk__in=customers).order_by("pk")
    names = {person.pk: customer_name(person) for person in people}
    database.release()
    totals: Counter[UUID] = Counter()
    for booking in bookings:
        totals[booking.order] += booking.gross
    rows: list[list[object]] = []
    for booking in bookings:
        order = orders[booking.order]
        address, currency = order.ship_to or {}, order.currency
        total = from_minor(totals[order.id], currency) if booking.type == PLACED else ""
        rows.append(
            [
                *(*_of_order(order, names), *_of_line(booking, currency), currency),
                *(*(_text(address.get(field)) for field in PARCEL_FIELDS), total),
                *_of_tax(booking, currency),
                *(booking.at.astimezone(shop_zone()).date(), booking.type),
            ]
        )
    return rows


def _of_order(order: OrderView, names: dict[int, str]) -> list[object]:
    sums = order.payments or payment_state.NOTHING
    payable = payment_state.payable(order.status, order.kept, order.currency)
    return [
        order.number,
        order.placed_at.astimezone(shop_zone()).date(),
        order.status,
        payment_state.state(sums, payable).value,
        _text(names.get(order.customer)),
        _text(order.reference),
    ]


def _of_line(booking: Booking, currency: str) -> list[object]:
    return [
        _text(booking.sku),
        _text(booking.name),
        booking.quantity,
        booking.returned,
        Decimal(money.text(booking.unit_price)),
        from_minor(booking.gross, currency),
        from_minor(booking.returned_gross, currency),
    ]


def _of_tax(booking: Booking, currency: str) -> list[object]:
    """Returns the rate, and net amount and tax of what was sold, and of what came back."""
    row: list[object] = [_rate(booking.tax_rate)]
    for gross, net in (
        (booking.gross, booking.net),
        (booking.returned_gross, booking.returned_net),
    ):
        net_amount = None if net is None else from_minor(net, currency)
        row += _with_tax(from_minor(gross, currency), net_amount)[1:]
    return row


def _rate(rate: Decimal | None) -> object:
    return "" if rate is None else Decimal(money.text(rate))


def _text(value: str | None) -> str:
    return safe_text(value or "")
