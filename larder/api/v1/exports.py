"""The history as a file: CSV (RFC 4180), written while it is read."""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import chain, islice

import msgspec
from django.http import HttpResponse, StreamingHttpResponse
from django_guid import get_guid
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from larder.api.v1.http import Endpoint, caller, read_parameters
from larder.api.v1.operations import CSV, operation
from larder.api.v1.orders import FilterParameters, order_filter, shown
from larder.api.v1.shapes import Address, Order, OrderLine
from larder.common.exports import defuse
from larder.orders import queries
from larder.orders.queries import OrderView

_OF_ORDER = (
    *("number", "id", "status", "placed_at", "updated_at", "customer"),
    *("reference", "note", "requested_for", "currency", "total"),
)
_OF_LINE = ("product", "sku", "name", "quantity", "unit_price", "line_total", "returned")
_SHIP_TO = Address.__struct_fields__
COLUMNS = (*_OF_ORDER, *_OF_LINE, *(f"ship_to_{field}" for field in _SHIP_TO))
"""The first line. Columns are only ever added, at the end."""


class CsvRenderer(BaseRenderer):
    """Lets a client ask for this type by name."""

    media_type = "text/csv"
    format = "csv"


class OrdersFile(Endpoint):
    renderer_classes = (CsvRenderer,)

    @operation(
        "export_orders",
        tag="orders",
        parameters=FilterParameters,
        answers={200: CSV},
        problems=["not_staff"],
    )
    def get(self, request: Request) -> HttpResponse | StreamingHttpResponse:
        """All placed orders as CSV, newest first, a row for each line; staff with any filter
        get everybody's."""
        asked = read_parameters(request, FilterParameters)
        parts = queries.walk(order_filter(asked, caller(request)))
        headers = {
            "Content-Disposition": 'attachment; filename="orders.csv"',
            "Cache-Control": "private, no-store",
        }
        if request.method == "HEAD":
            return HttpResponse(content_type=CSV, headers=headers)
        # The first part is read before anything is answered: what fails there is a problem.
        first = next(parts, [])
        return StreamingHttpResponse(_file(first, parts), content_type=CSV, headers=headers)


ROWS_AT_ONCE = 200
"""Rows that are written before they are sent: each can repeat some 10 kB of its order's texts."""


def _file(first: list[OrderView], rest: Iterable[list[OrderView]]) -> Iterator[bytes]:
    try:
        yield from _pieces(chain([COLUMNS], _rows(first)))
        for part in rest:
            yield from _pieces(_rows(part))
    except Exception:
        # Not every server cuts the connection on an error, and then only this tells.
        yield _BROKEN.format(get_guid()).encode()
        raise


_BROKEN = '"This file is incomplete: the server failed while it was written. Correlation-ID {}'
"""A last line whose quote never ends: no strict reader takes the file for a whole one."""


def _pieces(rows: Iterator[Iterable[object]]) -> Iterator[bytes]:
    while piece := list(islice(rows, ROWS_AT_ONCE)):
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
        return defuse(value)
    return value if isinstance(value, int) else msgspec.to_builtins(value)
