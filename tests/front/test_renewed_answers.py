"""The event loop renews a changed list page once, with the same answer as Django."""

import gzip
import os
from collections.abc import Callable
from time import sleep
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from larder.db import database, sql
from larder.front import application, products
from tests.conftest import Person
from tests.front.in_process import USUAL, Headers, OnLoop, without_id
from tests.http.conftest import token_for

MakeProduct = Callable[..., int]
MakePerson = Callable[..., Person]


@pytest.fixture
def stale(on_loop: OnLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request checks its page."""
    monkeypatch.setattr(products, "MAX_LAG", 0)


def fewer(product: int) -> None:
    """Takes one unit of the product, which changes its page."""
    database.execute("UPDATE stock SET available = available - 1 WHERE product_id = %s", [product])


@pytest.mark.parametrize("headers", [*USUAL, {"If_None_Match": '"none"'}])
def test_a_page_that_has_changed_is_answered_as_django_would(
    on_loop: OnLoop, stale: None, product: MakeProduct, token: str, headers: Headers
) -> None:
    shelf = [product(stock=10 + number) for number in range(25)]
    before = on_loop(token, **headers)
    fewer(shelf[0])
    after = on_loop(token, **headers)
    assert on_loop.reached == 1
    assert after[1]["ETag"] != before[1]["ETag"]
    on_loop.forget()
    assert without_id(after) == without_id(on_loop(token, **headers))


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_an_unchanged_renewed_page_is_answered_with_304(
    on_loop: OnLoop, stale: None, product: MakeProduct, token: str, encoding: str
) -> None:
    shelf = [product(stock=100 + number) for number in range(25)]
    first = on_loop(token, Accept_Encoding=encoding)[1]["ETag"]
    assert on_loop(token, Accept_Encoding=encoding, If_None_Match=first)[0] == "304 Not Modified"
    assert on_loop.reached == 1
    fewer(shelf[0])
    second = on_loop(token, Accept_Encoding=encoding, If_None_Match=first)
    assert second[0] == "200 OK"
    known = on_loop(token, Accept_Encoding=encoding, If_None_Match=second[1]["ETag"])
    assert (known[0], on_loop.reached) == ("304 Not Modified", 1)
    on_loop.forget()
    tag = second[1]["ETag"]
    on_loop(token, Accept_Encoding=encoding)
    assert without_id(known) == without_id(
        on_loop(token, Accept_Encoding=encoding, If_None_Match=tag)
    )


def test_an_unchanged_page_is_not_read_from_the_database_again(
    on_loop: OnLoop, stale: None, shelf: None, token: str
) -> None:
    """A commit in any database of the cluster causes a check: other tests may run."""
    on_loop(token)
    tries = []
    for _ in range(100):
        with CaptureQueriesContext(connection) as asked:
            assert on_loop(token)[0] == "200 OK"
        tries.append([query["sql"] for query in asked])
    assert [sql.SNAPSHOT] in tries
    assert on_loop.reached == 1


def test_a_page_that_becomes_compressed_goes_to_django(
    on_loop: OnLoop, stale: None, product: MakeProduct, token: str
) -> None:
    jam = product()
    assert "Content-Encoding" not in on_loop(token, Accept_Encoding="gzip")[1]
    database.execute("UPDATE product SET name = repeat('jam ', 50), description = repeat('x', 900)")
    after = on_loop(token, Accept_Encoding="gzip")
    assert (after[1]["Content-Encoding"], on_loop.reached) == ("gzip", 2)
    assert b"jam jam" in gzip.decompress(after[2])
    fewer(jam)
    assert on_loop(token, Accept_Encoding="gzip")[1]["Content-Encoding"] == "gzip"
    assert on_loop.reached == 2


def test_django_reports_the_error_of_a_failed_page_read(
    on_loop: OnLoop, stale: None, shelf: None, token: str
) -> None:
    """The event loop does not retry: without the database this would take twice as long."""
    on_loop(token)
    tries = []

    def away(_: Any, statement: str, *__: Any) -> None:
        tries.append(statement)
        raise OperationalError("connection refused")

    with connection.execute_wrapper(away):
        status, headers, body = on_loop(token)
    assert (status, "Retry-After" in headers) == ("503 Service Unavailable", True)
    assert b'"code":"database_unavailable"' in body
    assert (len(tries), on_loop.reached) == (1, 2)


def statements(on_loop: OnLoop, *asked: tuple[str, Headers]) -> int:
    """Returns the number of statements for these requests (token and headers): a check is one, a
    read is one.
    """
    with CaptureQueriesContext(connection) as captured:
        for token, headers in asked:
            assert on_loop(token, **headers)[0] == "200 OK"
    return len(captured)


def test_a_renewed_page_serves_all_customers_and_headers(
    on_loop: OnLoop, product: MakeProduct, person: MakePerson, as_: Callable[[Person], Any]
) -> None:
    """A caller with the position of a write causes a check and a read, later callers cause none."""
    jam, who = product(stock=10), person()
    mine, other = token_for(who), token_for(person())
    for token in (mine, other):
        on_loop(token)
    order = {"lines": [{"product": jam, "quantity": 3}]}
    echoed = {"Larder_Position": as_(who)("POST", "orders", order).headers["Larder-Position"]}
    callers: list[tuple[str, Headers]] = [(mine, {}), (other, {})]
    assert statements(on_loop, (mine, echoed), *callers, *callers) == 2
    assert on_loop.reached == 2
    assert b'"quantity":7' in on_loop(other)[2]


TAKE_ONE = "UPDATE stock SET available = available - 1 WHERE product_id = %s"


def test_changes_of_others_are_visible_after_a_tenth_of_a_second(
    on_loop: OnLoop, product: MakeProduct, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "MAX_LAG", 10**8)
    jam = product(stock=10)
    on_loop(token)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as elsewhere:
        for left in range(9, 5, -1):
            assert b'"quantity":%d,' % (left + 1) in on_loop(token)[2]
            elsewhere.execute(TAKE_ONE, [jam])
            sleep(0.1)
            assert b'"quantity":%d,' % left in on_loop(token)[2]
    assert on_loop.reached == 1


def test_a_page_that_was_read_during_a_transaction_is_read_again_after_it(
    on_loop: OnLoop, stale: None, product: MakeProduct, token: str
) -> None:
    jam = product(stock=100)
    with psycopg.connect(os.environ["DATABASE_URL"]) as elsewhere:
        elsewhere.execute(TAKE_ONE, [jam])
        for _ in range(3):
            assert b'"quantity":100,' in on_loop(token)[2]
        elsewhere.commit()
    assert b'"quantity":99,' in on_loop(token)[2]
    assert on_loop.reached == 1


def test_differently_encoded_queries_have_separate_cache_entries(
    on_loop: OnLoop, product: MakeProduct, token: str
) -> None:
    """Unescaped bytes and the escaped form of other letters give different answers."""
    product(name="Käse")
    product(name="KÃ¤se")
    for _ in range(2):
        bodies = [on_loop(token, f"products?q={asked}")[2] for asked in ("Käse", "K%C3%83%C2%A4se")]
        assert ["KÃ¤se".encode() in body for body in bodies] == [False, True]


def test_a_renewed_answer_evicts_no_answer_of_another_query(
    on_loop: OnLoop, stale: None, shelf: None, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "MAX_ENTRIES", 3)
    for limit in (5, 6, 7):
        on_loop(token, f"products?limit={limit}")
    database.execute("UPDATE stock SET available = available - 1")
    for limit in (5, 6, 7):
        on_loop(token, f"products?limit={limit}")
    assert (len(on_loop.operation._answers), on_loop.reached) == (3, 3)
