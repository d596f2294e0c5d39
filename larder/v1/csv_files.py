"""CSV files (RFC 4180): products are read from one, and the history of orders is written as one
while the client reads it."""

import hashlib
from collections.abc import Iterable, Iterator

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from msgspec.structs import asdict

from larder.catalog import tables
from larder.core.clock import now
from larder.core.spreadsheets import escape_formula
from larder.http.long_files import begin, stream
from larder.identity.caller import Caller
from larder.inventory.services.products import Author, ProductsImported
from larder.inventory.services.products import import_products as import_rows
from larder.orders import queries
from larder.orders.queries import OrderView
from larder.v1.bodies import Csv
from larder.v1.http import Answer, claim
from larder.v1.operations import CSV, KEYED, operation
from larder.v1.order_shapes import FilterParameters, order_filter, shown
from larder.v1.shapes import Address


@operation(
    tag="products",
    answers={200: ProductsImported},
    traits=[KEYED],
    permissions=["catalog.add_product", "catalog.change_product"],
    example="sku,name,price,unit,quantity\nWICK-3,Cotton wick,0.35,metre,500\n",
)
def import_products(request: HttpRequest, caller: Caller, body: Csv) -> Answer:
    """Staff: adds and changes products by SKU, all rows or none. At most 25,000 rows and
    2 MiB; send a longer file in parts.

    A pointer of a fault is `/line/column`.
    """
    return Answer(
        *import_rows(
            tables.read(body),
            author=Author(caller, now()),
            currency=settings.CURRENCY,
            claim=claim(request, caller, digest=hashlib.sha256(body).digest()),
        )
    )


_OF_ORDER = (
    *("number", "id", "status", "placed_at", "updated_at", "customer"),
    *("reference", "note", "requested_for", "currency", "total"),
)
_OF_LINE = (
    *("product", "sku", "name", "quantity", "ordered"),
    *("unit_price", "line_total", "returned"),
)
_SHIP_TO = Address.__struct_fields__
_OF_TAX = {"tax_rate": "tax_rate", "line_net_total": "net_total"}
COLUMNS = (*_OF_ORDER, *_OF_LINE, *(f"ship_to_{field}" for field in _SHIP_TO), *_OF_TAX)
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
    filters = order_filter(query, caller)
    is_own = filters.customer == caller.id
    if not is_own:
        caller.require("orders.export_order")
    headers = {"Content-Disposition": 'attachment; filename="orders.csv"'}
    if request.method == "HEAD":
        return HttpResponse(content_type=CSV, headers=headers)
    file = stream(caller, queries.history_in_parts(filters), COLUMNS, _rows, is_own=is_own)
    begin(file, "orders", _filters(query) | ({"own": True} if is_own else {}))
    return StreamingHttpResponse(file, content_type=CSV, headers=headers)


def _filters(query: FilterParameters) -> dict[str, object]:
    """Returns the given filters, for the audit trail. A reference can be the name of a person, so
    its value is left out."""
    filters = {name: value for name, value in asdict(query).items() if value is not None}
    return filters | ({"reference": True} if "reference" in filters else {})


def _rows(orders: Iterable[OrderView]) -> Iterator[list[object]]:
    """Yields a row for each line, with its order's columns; for an order without lines one row."""
    for order in orders:
        answer = shown(order)
        own, address = _cells(answer, _OF_ORDER), _cells(answer.ship_to, _SHIP_TO)
        for line in answer.lines or _NO_LINES:
            yield [*own, *_cells(line, _OF_LINE), *address, *_cells(line, _OF_TAX.values())]


_NO_LINES = (None,)


def _cells(shape: object, fields: Iterable[str]) -> list[object]:
    return [_cell(getattr(shape, field, None)) for field in fields]


def _cell(value: object) -> object:
    """Returns the value as the API shows it. Text is escaped, so that no spreadsheet reads it as a
    formula."""
    if isinstance(value, str):
        return escape_formula(value)
    return value if isinstance(value, int) else msgspec.to_builtins(value)
