"""Files of products for races: importing them and checking the results."""

import io
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count

from larder.catalog.tables import csv_table
from larder.core.clock import now
from larder.inventory.services.authors import Author
from larder.inventory.services.import_products import import_products
from larder.ops.books import invariants
from tests.system.race.shops import OK, Answer, answered

PAUSE = 0.05
STOCK = 1000
PART = 7
"""Rows of a part, so that the files of races have several."""


numbers = count(1)


def imported(header: str, rows: Iterable[str]) -> Answer:
    """Imports a file; the content is what it did."""
    text = "\n".join([header, *rows])

    def call() -> Answer:
        made, _ = import_products(
            csv_table(io.StringIO(text, newline="")), author=Author(None, now()), currency="GBP"
        )
        return Answer(OK, made)

    return answered(call)


def codes(answers: Iterable[Answer]) -> Counter[str]:
    """How often each code was answered."""
    return Counter(answer.code for answer in answers)


def nothing_is_violated() -> None:
    """Holds the invariants of the whole shop."""
    assert invariants.check().violated == []


def stocked(product: Callable[..., int], number: int) -> tuple[list[int], list[str]]:
    """Products of one price, and their SKUs."""
    skus = [f"{next(numbers)}-{one}" for one in range(number)]
    return [product(sku=sku, stock=STOCK, price="1") for sku in skus], skus
