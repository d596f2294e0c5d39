"""The accounting export: the lines of the orders of a period with their customers and addresses, or
their sums by tax rate.

It is streamed as `GET orders.csv` of the API is, with the same limits.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from larder.core import money
from larder.core.currencies import from_minor, minor_digits, to_minor
from larder.core.days import midnight
from larder.core.limits import MAX_DASHBOARD_DAYS
from larder.core.spreadsheets import escape_formula
from larder.db import database
from larder.http.long_files import begin, stream
from larder.identity.queries import PARCEL_FIELDS
from larder.orders import payment_state, queries
from larder.orders.queries import LineView, OrderFilter, OrderView, walk
from larder.staff.base import ServiceAdmin, button, caller_of
from larder.staff.confirming import require_confirmation
from larder.staff.lists import shop_zone
from larder.staff.pages import Page, choice, show
from larder.staff.texts import customer_name

COLUMNS = (
    *("number", "placed_on", "status", "payment", "customer", "reference"),
    *("sku", "product", "quantity", "returned", "unit_price", "line_total", "returned_total"),
    *("currency", *(f"ship_to_{one}" for one in PARCEL_FIELDS)),
    *("order_total", "tax_rate", "line_net", "line_tax", "returned_net", "returned_tax"),
)
"""The first line. New columns are added at the end."""

TAX_COLUMNS = (
    *("tax_rate", "currency", "sold_gross", "sold_net", "sold_tax"),
    *("returned_gross", "returned_net", "returned_tax"),
)

HEADS = (
    *("Tax rate, %", "Currency", "Sold, gross", "Sold, net", "Sold, tax"),
    *("Returned, gross", "Returned, net", "Returned, tax"),
)

LINES, SUMS, SHOWN = "lines", "sums", "shown"
CONTENTS = (
    (LINES, "A file with a row for each line"),
    (SUMS, "A file with the sums by tax rate"),
    (SHOWN, "The sums by tax rate, on this page"),
)


_DAYS = [MinValueValidator(date(1900, 1, 1)), MaxValueValidator(date(9000, 1, 1))]
"""Each of them has a day before and a day after it, in every time zone."""


def _day(label: str) -> forms.DateField:
    widget = UnfoldAdminTextInputWidget(attrs={"type": "date"})
    return forms.DateField(label=label, validators=_DAYS, widget=widget)


class PeriodForm(forms.Form):
    """The first and the last day of a period, in the shop's time zone."""

    first = _day("From")
    last = _day("To")
    content = choice(
        "Content",
        CONTENTS,
        required=False,
        help_text=f"Lines of any period, or sums of at most {MAX_DASHBOARD_DAYS} days.",
    )

    def clean(self) -> dict[str, Any]:
        """Refuses a period that ends before it begins, or is too long for sums."""
        given = self.cleaned_data
        if "first" in given and "last" in given:
            days = (given["last"] - given["first"]).days
            if days < 0:
                self.add_error("last", "The last day is before the first.")
            elif given.get("content") in {SUMS, SHOWN} and days >= MAX_DASHBOARD_DAYS:
                self.add_error("last", f"Sums are of at most {MAX_DASHBOARD_DAYS} days.")
        return given


class AccountableOrders(ServiceAdmin):
    """The page of the accounting export, for staff who may export orders."""

    actions_list: Any = ("accounting",)

    def has_accounting_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may export orders."""
        return self.may(request, "export")

    @button("Accounting export", permissions=["accounting"], icon="download", url_path="accounting")
    def accounting(self, request: Any) -> HttpResponse | StreamingHttpResponse:
        """Asks for the password and the period, then sends the file, or shows the sums."""
        require_confirmation(request)
        form, table = PeriodForm(request.POST if request.method == "POST" else None), {}
        if form.is_valid():
            first, last, content = (form.cleaned_data[one] for one in form.fields)
            if content != SHOWN:
                return _answer(request, first, last, is_sums=content == SUMS)
            table = {"title": f"{first} to {last}", "headers": HEADS, "rows": _sums(first, last)}
        page = Page(
            title="Accounting export",
            answer="Export",
            back=reverse("admin:orders_order_changelist"),
            form=form,
            text="The orders that were placed in these days: a CSV file with a row for each line, "
            "the newest first; or sums by tax rate, without orders that are cancelled or await "
            "their payment.",
            table=table,
        )
        return show(self, request, page)


def _answer(request: Any, first: date, last: date, *, is_sums: bool) -> StreamingHttpResponse:
    """Raises Overloaded."""
    begins, ends = _moments(first, last)
    # Both ends of a filter are exclusive.
    after = begins - timedelta(microseconds=1)
    columns: tuple[str, ...]
    parts: Iterator[list[Any]]
    rows_of: Callable[[Iterable[Any]], Iterator[Iterable[object]]]
    if is_sums:
        name, columns, rows_of = "tax sums", TAX_COLUMNS, iter
        parts = iter([_sums(first, last)])
    else:
        name, columns, rows_of = "order lines", COLUMNS, _rows
        parts = walk(OrderFilter(customer=None, placed_after=after, placed_before=ends))
    # With a byte order mark, without which Excel takes UTF-8 for something else.
    marked = (f"\ufeff{columns[0]}", *columns[1:])
    file = stream(caller_of(request), parts, marked, rows_of)
    begin(file, name, {"placed_from": str(first), "placed_to": str(last)})
    named = f'attachment; filename="{name.replace(" ", "-")}-{first}-{last}.csv"'
    return StreamingHttpResponse(
        file, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": named}
    )


def _moments(first: date, last: date) -> tuple[datetime, datetime]:
    """Returns when the first day begins and the last one ends, in the shop's time zone."""
    zone = shop_zone()
    return midnight(first, zone), midnight(last + timedelta(days=1), zone)


def _sums(first: date, last: date) -> list[list[object]]:
    """Returns a row for each currency and tax rate, with the columns TAX_COLUMNS."""
    return [
        [
            money.text_or_none(one.rate) or "",
            one.currency,
            *_with_tax(one.gross, one.net),
            *_with_tax(one.returned_gross, one.returned_net),
        ]
        for one in queries.tax_sums(*_moments(first, last))
    ]


def _with_tax(gross: Decimal, net: Decimal | None) -> list[object]:
    return [gross, "", ""] if net is None else [gross, net, gross - net]


def _rows(orders: Iterable[OrderView]) -> Iterator[list[object]]:
    """Yields a row for each line, with its order's columns."""
    read = list(orders)
    people = get_user_model()._default_manager.filter(pk__in={one.customer for one in read})
    names = {one.pk: customer_name(one) for one in people.order_by("pk")}
    database.release()
    for order in read:
        address, currency = order.ship_to or {}, order.currency
        before, total = _of_order(order, names), _rounded(order.total, currency)
        after = [currency, *(_text(address.get(one)) for one in PARCEL_FIELDS), total]
        for line in order.lines:
            yield [*before, *_of_line(line, currency), *after, *_of_tax(line, currency)]


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


def _of_line(line: LineView, currency: str) -> list[object]:
    return [
        _text(line.sku),
        _text(line.name),
        line.quantity,
        line.returned,
        money.text(line.unit_price),
        _rounded(line.line_total, currency),
        _rounded(line.unit_price * line.returned, currency),
    ]


def _of_tax(line: LineView, currency: str) -> list[object]:
    """Returns the rate, and net amount and tax of the rounded totals: the line's, and that of its
    returned units."""
    rate = line.tax_rate
    row: list[object] = [money.text_or_none(rate) or ""]
    for gross in (line.line_total, line.unit_price * line.returned):
        # Rounded once: a net amount with three decimals, rounded again, can be a cent too much.
        net = money.net(gross, rate, decimals=minor_digits(currency))
        row += _with_tax(_rounded(gross, currency), net)[1:]
    return row


def _rounded(amount: Decimal, currency: str) -> Decimal:
    return from_minor(to_minor(amount, currency), currency)


def _text(value: str | None) -> str:
    return escape_formula(value or "")
