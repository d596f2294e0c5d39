"""The history as a CSV file (RFC 4180), which is written while the client reads it."""

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
from larder.v1.order_filters import FilterParameters, order_filter
from larder.v1.order_shapes import Order, OrderLine, shown
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
"""The first line. New columns are added at the end."""


@operation(
    tag="orders",
    for_others="orders.export_order",
    answers={200: CSV},
    problems=["not_staff"],
)
def export_orders(
    request: HttpRequest, caller: Caller, query: FilterParameters
) -> HttpResponse | StreamingHttpResponse:
    """All placed orders of the caller as CSV, newest first, a row for each line. Staff who send a
    filter get the orders of all customers."""
    wanted = order_filter(query, caller)
    if wanted.customer != caller.id:
        caller.require("orders.export_order")
    headers = {"Content-Disposition": 'attachment; filename="orders.csv"'}
    if request.method == "HEAD":
        return HttpResponse(content_type=CSV, headers=headers)
    is_own = wanted.customer == caller.id
    own = {"own": True} if is_own else {}
    audit.record("export:orders", "export", after=_filters(query) | own)
    file = _file(caller, queries.walk(wanted), is_own=is_own)
    # The answer begins after this: an error until here is answered with a problem.
    next(file)
    return StreamingHttpResponse(file, content_type=CSV, headers=headers)


def _filters(query: FilterParameters) -> dict[str, object]:
    """Returns the given filters, for the audit trail. A reference can be the name of a person, so
    its value is left out."""
    given = {name: getattr(query, name) for name in FilterParameters.__struct_fields__}
    if given["reference"] is not None:
        given["reference"] = True
    return {name: value for name, value in given.items() if value is not None}


EXPORTS_AT_ONCE = 2
"""Files that a process writes at once for customers, and as many for staff, so that customers who
read slowly do not delay staff. Each file keeps a thread of the server until it is read. Further
requests are answered with 503 and Retry-After."""

LONGEST_EXPORT = 30 * 60.0
"""Seconds after which the server stops writing a file, also if the client is still reading."""

CALLER_TRUSTED_SECONDS = 5.0
"""Seconds after which the rights of the caller are checked again before the file goes on."""

ROWS_AT_ONCE = 200
"""Rows that are sent together. Each can repeat 10 kB of its order's texts."""

_of_customers, _of_staff = BoundedSemaphore(EXPORTS_AT_ONCE), BoundedSemaphore(EXPORTS_AT_ONCE)

_accounts = PlacesPerKey(1)
"""The accounts whose files the process writes: one file at a time for each account, so that one
account cannot take all."""


def _file(
    caller: Caller, parts: Iterator[list[OrderView]], *, is_own: bool
) -> Generator[bytes, None, None]:
    """Yields the file in pieces. The first piece is empty, and is yielded after the first orders
    were read.

    Raises Overloaded. The file counts as open until the generator ends, fails, is closed or is
    garbage. It fails when its caller may no longer read these orders.
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
            # Some servers do not close the connection on an error. Then only this line shows it.
            yield _BROKEN.format(get_guid()).encode()
            raise


_BROKEN = '"This file is incomplete: the server broke it off. Correlation-ID {}'
"""A last line with an open quote, so that strict readers reject the incomplete file."""


def _going_on(caller: Caller, *, is_own: bool) -> Callable[[], None]:
    """Returns a function that raises an error unless the file may still be written: SessionEnded,
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
    """Yields a row for each line, with its order's columns; for an order without lines one row."""
    for order in orders:
        answer = shown(order)
        own = [_cell(value) for value in _values(answer, order.customer)]
        address = [_cell(getattr(answer.ship_to, field, "")) for field in _SHIP_TO]
        for line in answer.lines or _NO_LINES:
            yield [*own, *_of_line(line), *address]


_NO_LINES = (None,)


def _values(order: Order, customer: int) -> Iterator[object]:
    for column in _OF_ORDER:
        yield customer if column == "customer" else getattr(order, column)


def _of_line(line: OrderLine | None) -> list[object]:
    return [_cell(getattr(line, column, None)) for column in _OF_LINE]


def _cell(value: object) -> object:
    """Returns the value as the API shows it. Text is escaped, so that no spreadsheet reads it as a
    formula."""
    if isinstance(value, str):
        return escape_formula(value)
    return value if isinstance(value, int) else msgspec.to_builtins(value)
