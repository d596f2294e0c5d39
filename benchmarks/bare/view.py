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
PAGE = msgspec.json.decode(REPLY)
PRICE = list(PAGE["results"][0]).index("price")
Product = msgspec.defstruct("Product", PAGE["results"][0])
LIMIT = 20


def products(request: HttpRequest) -> HttpResponse:
    """The first page, byte for byte as the API answers, from the tables."""
    answers = [_rows(query["sql"], query["parameters"]) for query in QUERIES]
    page = {"results": [_shown(row) for row in answers[0][:LIMIT]], "next": PAGE["next"]}
    return _answer(msgspec.json.encode(page))


def ready(request: HttpRequest) -> HttpResponse:
    """The same bytes, and no query."""
    return _answer(REPLY)


def _answer(raw: bytes) -> HttpResponse:
    # There is no middleware that adds the length; without it the answer is sent in chunks.
    return HttpResponse(raw, "application/json", headers={"Content-Length": str(len(raw))})


def _rows(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def _shown(row: tuple[Any, ...]) -> msgspec.Struct:
    """A product: the columns of the query are in the order of the answer. The net price is null
    without a tax rate."""
    return Product(*row[:PRICE], f"{row[PRICE]:.2f}", "GBP", None, *row[PRICE + 1 :])


urlpatterns = [path("products", products), path("bytes", ready)]
