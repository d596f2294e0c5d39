"""The history as a file: CSV (RFC 4180), written while it is read."""

import csv
from collections.abc import Callable, Generator, Iterable, Iterator
from io import StringIO
from itertools import chain, islice
from threading import BoundedSemaphore
from time import monotonic

import msgspec
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django_guid import get_guid

from larder.core.per_key import PlacesPerKey, place_of
from larder.core.spreadsheets import escape_formula
from larder.db import database
from larder.identity import audit
from larder.identity.caller import Caller
from larder.identity.services.credentials import renewed
from larder.orders import queries
from larder.orders.queries import OrderView
from larder.v1.operations import CSV, operation
from larder.v1.orders import FilterParameters, Order, OrderLine, order_filter, shown
from larder.v1.shapes import Address

_OF_ORDER = (
    *("number", "id", "status", "placed_at", "updated_at", "customer"),
    *("reference", "note", "requested_for", "currency", "total"),
)
_OF_LINE = (
    *("product", "sku", "name", "quantity", "ordered"),
    *("unit_price", "line_total", "returned"),
)
_SHIP_TO = Address.__struct_fields__
COLUMNS = (*_OF_ORDER, *_OF_LINE, *(f"ship_to_{field}" for field in _SHIP_TO))
"""The first line. Columns are only ever added, at the end."""


@operation(
    tag="orders",
    for_others="orders.export_order",
    answers={200: CSV},
    problems=["not_staff"],
)
def export_orders(
    request: HttpRequest, caller: Caller, query: FilterParameters
) -> HttpResponse | StreamingHttpResponse:
    """All placed orders as CSV, newest first, a row for each line; staff with any filter
    get everybody's."""
    wanted = order_filter(query, caller)
    if wanted.customer != caller.id:
        caller.require("orders.export_order")
    headers = {"Content-Disposition": 'attachment; filename="orders.csv"'}
    if request.method == "HEAD":
        return HttpResponse(content_type=CSV, headers=headers)
    audit.record("export:orders", "export", after=_filters(query))
    file = _file(caller, queries.walk(wanted), is_own=wanted.customer == caller.id)
    # Until here nothing is answered: what fails in it is a problem.
    next(file)
    return StreamingHttpResponse(file, content_type=CSV, headers=headers)


def _filters(query: FilterParameters) -> dict[str, object]:
    """Returns the filters that were given, for the audit trail. A reference can be a name: of it
    only that it was given."""
    given = {name: getattr(query, name) for name in FilterParameters.__struct_fields__}
    if given["reference"] is not None:
        given["reference"] = True
    return {name: value for name, value in given.items() if value is not None}


EXPORTS_AT_ONCE = 2
"""Files that a process writes at once for customers, and as many for staff, so that customers who
read slowly leave staff theirs. Each keeps a thread of the server for as long as its reader takes;
whoever comes on top is told to come back."""

LONGEST_EXPORT = 30 * 60.0
"""Seconds after which a file is broken off, however slowly it was read."""

CALLER_TRUSTED_SECONDS = 5.0
"""Seconds after which the caller of a file is read again before more of it is written."""

ROWS_AT_ONCE = 200
"""Rows that are written before they are sent: each can repeat some 10 kB of its order's texts."""

_of_customers, _of_staff = BoundedSemaphore(EXPORTS_AT_ONCE), BoundedSemaphore(EXPORTS_AT_ONCE)

_accounts = PlacesPerKey(1)
"""Accounts whose file the process writes: one at once for each, so that one account leaves files
for others."""


def _file(
    caller: Caller, parts: Iterator[list[OrderView]], *, is_own: bool
) -> Generator[bytes, None, None]:
    """The file in pieces. The first is empty, and comes when the first orders are read.

    Raises Overloaded. Once begun it keeps its place until it ends, fails, is closed or forgotten.
    It fails when its caller could not begin it any more.
    """
    require_going_on = _going_on(caller, is_own=is_own)
    places = _of_staff if caller.may("orders.export_order") else _of_customers
    with _accounts.place(caller.id), place_of(places):
        first = next(parts, [])
        yield b""
        try:
            for rows in chain([chain([COLUMNS], _rows(first))], map(_rows, parts)):
                yield from _pieces(rows, require_going_on)
        except Exception:
            # Not every server cuts the connection on an error, and then only this tells.
            yield _BROKEN.format(get_guid()).encode()
            raise


_BROKEN = '"This file is incomplete: the server broke it off. Correlation-ID {}'
"""A last line whose quote never ends: no strict reader takes the file for a whole one."""


def _going_on(caller: Caller, *, is_own: bool) -> Callable[[], None]:
    """Returns a function that raises an error unless the file may go on now: SessionEnded,
    NotStaff, PermissionMissing, SecondFactorRequired, TimeoutError."""
    began = read_at = monotonic()

    def require_going_on() -> None:
        nonlocal read_at
        moment = monotonic()
        if moment - began > LONGEST_EXPORT:
            raise TimeoutError(f"the reader of a file took longer than {LONGEST_EXPORT:.0f} s")
        if moment - read_at > CALLER_TRUSTED_SECONDS:
            present = renewed(caller)
            database.release()
            if not is_own:
                present.require("orders.export_order")
            read_at = moment

    return require_going_on


def _pieces(
    rows: Iterator[Iterable[object]], require_going_on: Callable[[], None]
) -> Iterator[bytes]:
    while piece := list(islice(rows, ROWS_AT_ONCE)):
        require_going_on()
        yield _written(piece)


def _written(rows: Iterable[Iterable[object]]) -> bytes:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _rows(orders: Iterable[OrderView]) -> Iterator[list[object]]:
    """A row for each line, with its order's columns; an order without lines has one, too."""
    for order in orders:
        told = shown(order)
        own = [_cell(value) for value in _values(told, order.customer)]
        address = [_cell(getattr(told.ship_to, field, "")) for field in _SHIP_TO]
        for line in told.lines or _NO_LINES:
            yield [*own, *_of_line(line), *address]


_NO_LINES = (None,)


def _values(order: Order, customer: int) -> Iterator[object]:
    for column in _OF_ORDER:
        yield customer if column == "customer" else getattr(order, column)


def _of_line(line: OrderLine | None) -> list[object]:
    return [_cell(getattr(line, column, None)) for column in _OF_LINE]


def _cell(value: object) -> object:
    """As the API shows it. Text is defused: no spreadsheet takes it for a formula."""
    if isinstance(value, str):
        return escape_formula(value)
    return value if isinstance(value, int) else msgspec.to_builtins(value)
