"""Whole files of products."""

import hashlib
import io

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from larder.api.authentication import IsStaff
from larder.api.v1.bodies import read_csv
from larder.api.v1.http import Endpoint, caller, claim, replay_headers, reply
from larder.api.v1.operations import KEYED, operation
from larder.catalog.product_rows import refuse_longer
from larder.common.clock import now
from larder.common.idempotency import RETENTION
from larder.common.limits import MAX_FILE_ROWS
from larder.inventory.services.import_products import import_products


class ProductsImported(msgspec.Struct):
    """How many products were added, how many changed, and how many were so already."""

    created: int
    changed: int
    unchanged: int


class ProductImport(Endpoint):
    permission_classes = (IsStaff,)

    @operation(
        "import_products",
        tag="products",
        body="text/csv",
        answers={200: ProductsImported},
        problems=["not_staff"],
        traits=[KEYED],
    )
    def post(self, request: Request) -> HttpResponse:
        """Staff: adds and changes products by SKU, all rows or none. At most 25,000 rows and
        2 MiB; longer files are for `manage.py import_products`.

        A pointer of a fault is `/line/column`.
        """
        text = read_csv(request)
        # Before a transaction begins, for which other files would wait.
        refuse_longer(io.StringIO(text, newline=""), most=MAX_FILE_ROWS)
        moment = now()
        content = hashlib.sha256(text.encode(errors="surrogateescape")).digest()
        made, replayed = import_products(
            io.StringIO(text, newline=""),
            actor=caller(request).public_id,
            now=moment,
            claim=claim(request, content, expires_at=moment + RETENTION),
        )
        answer = ProductsImported(made.created, made.changed, made.unchanged)
        return reply(answer, headers=replay_headers(replayed=replayed))
