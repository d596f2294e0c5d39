"""Bare Django views, without authentication and middleware: the product list's bytes.

`ready` has them; `products` makes them each time, on Larder's own database settings: the
statements, the driver and the pool are the same. The queries (see shop.py) are in the file
BENCH_QUERIES, the bytes the API answered with in BENCH_REPLY.
"""

import os
from pathlib import Path
from typing import Any

import msgspec
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

QUERIES = msgspec.json.decode(Path(os.environ["BENCH_QUERIES"]).read_bytes())
REPLY = Path(os.environ["BENCH_REPLY"]).read_bytes()
NEXT = msgspec.json.decode(REPLY)["next"]
LIMIT = 20


def products(request: HttpRequest) -> HttpResponse:
    """The first page, byte for byte as the API answers, from the tables."""
    answers = [_rows(query["sql"], query["parameters"]) for query in QUERIES]
    page = {"results": [_shown(row) for row in answers[0][:LIMIT]], "next": NEXT}
    return _answer(msgspec.json.encode(page))


def ready(request: HttpRequest) -> HttpResponse:
    """The same bytes, and no query."""
    return _answer(REPLY)


def _answer(raw: bytes) -> HttpResponse:
    # Without middleware nobody else adds the length, and the answer would go out in chunks.
    return HttpResponse(raw, "application/json", headers={"Content-Length": str(len(raw))})


def _rows(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def _shown(row: tuple[Any, ...]) -> dict[str, Any]:
    """A product, from the columns in the order of the query."""
    id, public_id, sku, name, description, category, price, available, *rest = row
    unit, barcode, image_url, min_quantity, max_per_order, step, updated_at, version = rest
    return {
        "id": id,
        "public_id": public_id,
        "sku": sku,
        "name": name,
        "description": description,
        "category": category,
        "price": f"{price:.2f}",
        "currency": "GBP",
        "quantity": available,
        "unit": unit,
        "barcode": barcode,
        "image_url": image_url,
        "min_quantity": min_quantity,
        "max_per_order": max_per_order,
        "step": step,
        "updated_at": updated_at,
        "version": version,
    }


urlpatterns = [path("products", products), path("bytes", ready)]
