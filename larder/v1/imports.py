"""Imports of products from CSV files."""

import hashlib

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from larder.catalog import tables
from larder.core.clock import now
from larder.http.idempotency import replay_headers
from larder.identity.caller import Caller
from larder.inventory.services.products import Author
from larder.inventory.services.products import import_products as import_rows
from larder.v1.bodies import Csv
from larder.v1.http import claim, reply
from larder.v1.operations import KEYED, operation


class ProductsImported(msgspec.Struct):
    """The numbers of products that were added, changed, and unchanged."""

    created: int
    changed: int
    unchanged: int


@operation(
    tag="products",
    answers={200: ProductsImported},
    traits=[KEYED],
    permissions=["catalog.add_product", "catalog.change_product"],
    example="sku,name,price,unit,quantity\nWICK-3,Cotton wick,0.35,metre,500\n",
)
def import_products(request: HttpRequest, caller: Caller, body: Csv) -> HttpResponse:
    """Staff: adds and changes products by SKU, all rows or none. At most 25,000 rows and
    2 MiB; longer files are for `manage.py import_products`.

    A pointer of a fault is `/line/column`.
    """
    content = hashlib.sha256(body).digest()
    numbers, replayed = import_rows(
        tables.read(body),
        author=Author(caller, now()),
        currency=settings.CURRENCY,
        claim=claim(request, caller, content),
    )
    answer = ProductsImported(numbers.created, numbers.changed, numbers.unchanged)
    return reply(answer, headers=replay_headers(replayed=replayed))
