"""Misspelled words are looked up in the index, and the work for them is bounded."""

from collections.abc import Callable

import pytest
from django.db import transaction

from larder.catalog import sql
from larder.catalog.queries import spelling
from larder.db import database

Product = Callable[..., int]


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        (sql.known_words(2), ["lantern"] * 2 + ["paper"] * 2),
        (sql.similar_words(2, 1), ["lan", "ern", "paper", 5, "lan", "ern"]),
    ],
)
def test_words_are_looked_up_in_the_trigrams(
    product: Product, statement: str, parameters: list[str | int]
) -> None:
    product(name="paper lantern")
    # A small table is read faster by a partial index of listed products.
    statement = statement.replace("archived_at IS NULL", "TRUE")
    with transaction.atomic():
        for other in ("enable_seqscan", "enable_indexscan", "enable_indexonlyscan"):
            database.execute(f"SET LOCAL {other} = off")
        plan = "\n".join(row[0] for row in database.rows(f"EXPLAIN {statement}", parameters))
        transaction.set_rollback(True)
    assert "Bitmap Index Scan on product_by_trigram" in plan
    assert "Seq Scan on product" not in plan


def test_no_more_products_and_words_are_compared_than_the_limits_say(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("lantern", "landing", "lanyard"):
        product(name=name)
    assert len(spelling._candidates("lantren", [])) == 3
    monkeypatch.setattr(sql, "MAX_SIMILAR_WORDS", 2)
    assert len(spelling._candidates("lantren", [])) == 2
    monkeypatch.setattr(sql, "MAX_SIMILAR_PRODUCTS", 1)
    assert len(spelling._candidates("lantren", [])) == 1
