"""A search without a result is repeated with corrected words, and the answer says so."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.conftest import Api
from tests.v1.reading import ids, walk

Product = Callable[..., int]


def search(customer: Api, q: str, more: str = "") -> Any:
    return customer("GET", f"products?q={quote(q)}{more}").body


@pytest.mark.parametrize(
    ("name", "q", "corrected"),
    [
        ("RED PAPER LANTERN", "lantren", "lantern"),
        ("RED PAPER LANTERN", "red LATERN", "red lantern"),
        ("RED PAPER LANTERN", "lanternn paper", "lantern paper"),
        ("RED PAPER LANTERN", "kantern", "lantern"),
        ("RED PAPER LANTERN", "lanterm", "lantern"),
        ("RED PAPER LANTERN", "papr lantren", "paper lantern"),
        ("RED PAPER LANTERN", "lantr", "lantern"),
        ("Blue, large", "bule", "blue"),
        ("Lampe", "lmape", "lampe"),
        ("Hängelampe", "hangelampe", "hängelampe"),
        ("Straßenkarte", "strassenkarte", "straßenkarte"),
        ("Crème brûlée", "cream crème", None),
        ("Confiture Crème", "cremé", "crème"),
        ("ЗЕМЛЯНИКА свежая", "земляинка", "земляника"),
        ("西湖龍井茶葉", "西湖龍丼", "西湖龍井茶葉"),
        ("Photo frame 10x15", "frame 10x16", None),
        ("Tea", "taa", None),
        ("Tea", "x", None),
        ("RED PAPER LANTERN", "lxnxexn", None),
    ],
)
def test_the_nearest_words_of_products_are_searched_for(
    customer: Api, product: Product, name: str, q: str, corrected: str | None
) -> None:
    wanted = product(name=name)
    product(name="Something else altogether")
    found = search(customer, q)
    assert found.get("corrected_q") == corrected
    assert [one["id"] for one in found["results"]] == ([wanted] if corrected else [])


def test_a_search_with_a_result_is_not_corrected(customer: Api, product: Product) -> None:
    rare = product(name="lantren")
    for _ in range(3):
        product(name="lantern")
    found = search(customer, "lantren")
    assert ([one["id"] for one in found["results"]], "corrected_q" in found) == ([rare], False)


def test_known_words_that_no_product_has_together_are_not_corrected(
    customer: Api, product: Product
) -> None:
    product(name="red lantern"), product(name="blue lamps")
    assert search(customer, "lantern lamps") == {"results": [], "next": None}


def test_a_corrected_word_is_of_a_product_that_has_the_other_words(
    customer: Api, product: Product
) -> None:
    for _ in range(3):
        product(name="paist plates")
    wanted = product(name="paint and plates")
    found = search(customer, "plates paixt and")
    assert ([one["id"] for one in found["results"]], found["corrected_q"]) == (
        [wanted],
        "plates paint and",
    )


def test_the_most_frequent_of_equally_near_words_is_chosen(customer: Api, product: Product) -> None:
    product(name="cards"), product(name="carts"), product(name="carts")
    assert search(customer, "carxs")["corrected_q"] == "carts"


def test_words_of_archived_products_are_not_offered(
    customer: Api, staff: Api, product: Product
) -> None:
    product(name="cards")
    for gone in (product(name="carts"), product(name="carts")):
        staff("DELETE", f"products/{gone}")
    assert search(customer, "carxs")["corrected_q"] == "cards"


def test_pages_of_a_corrected_search_have_all_its_products_in_order(
    customer: Api, product: Product
) -> None:
    for number in range(7):
        product(name=f"lantern {number}", price=f"{number}", stock=number % 2)
    query = "products?q=lantren&ordering=-price&limit=2&count=true&in_stock=true"
    assert [one["price"] for one in walk(customer, query)] == ["5.00", "3.00", "1.00"]
    assert customer("GET", query).body["count"] == 3


def test_without_a_result_the_filters_are_not_given_up(customer: Api, product: Product) -> None:
    product(name="lantern", price="5")
    assert search(customer, "lantren", "&max_price=1") == {"results": [], "next": None}


@pytest.mark.parametrize(
    ("q", "statements"),
    [
        (" ".join(f"abcdefg{one}hij" for one in "qrstuvwxyz"), 2),  # more than three misspelled
        ("abcdxefg " * 22, 4),
        ("x" * 200, 2),  # too long
        ("漢" * 200, 2),
        ("a b c d e f g h i j", 1),  # nothing that is in the index
        ("%_%_%_ '\\\\' ;--;", 4),
    ],
)
def test_hostile_searches_cost_few_statements(
    customer: Api, product: Product, sessions_known: None, q: str, statements: int
) -> None:
    product(name="lantern")
    with CaptureQueriesContext(connection) as asked:
        assert ids(customer("GET", f"products?q={quote(q[:200])}")) == []
    assert len(asked) <= statements
