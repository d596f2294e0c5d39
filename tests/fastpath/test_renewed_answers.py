"""A list page that has changed is made anew in front of Django: as Django would, and once."""

import gzip
from collections.abc import Callable
from time import sleep
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django_guid import get_guid

from larder.db import database
from larder.fastpath import cache_key, response_cache
from larder.ops import requests
from larder.ops.requests import Done
from larder.v1 import freshness, ready_pages
from tests.conftest import Person
from tests.fastpath.door import USUAL, Door, Headers, without_id
from tests.http.conftest import token_for

MakeProduct = Callable[..., int]
MakePerson = Callable[..., Person]


@pytest.fixture
def stale(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page has to be looked at, each time."""
    monkeypatch.setattr(freshness, "LONGEST_LAG", 0)


def fewer(product: int) -> None:
    """One unit of it is gone: a page of it is another."""
    database.execute("UPDATE stock SET available = available - 1 WHERE product_id = %s", [product])


@pytest.mark.parametrize("headers", [*USUAL, {"If_None_Match": '"none"'}])
def test_a_page_that_has_changed_is_answered_as_django_would(
    door: Door, stale: None, product: MakeProduct, token: str, headers: Headers
) -> None:
    shelf = [product(stock=10 + number) for number in range(25)]
    before = door(token, **headers)
    fewer(shelf[0])
    after = door(token, **headers)
    assert door.reached == 1
    assert after[1]["ETag"] != before[1]["ETag"]
    door.forget()
    assert without_id(after) == without_id(door(token, **headers))


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_what_has_not_changed_again_is_not_modified(
    door: Door, stale: None, product: MakeProduct, token: str, encoding: str
) -> None:
    """The 304 is Django's first; then it is of each page that comes."""
    shelf = [product(stock=100 + number) for number in range(25)]
    first = door(token, Accept_Encoding=encoding)[1]["ETag"]
    assert door(token, Accept_Encoding=encoding, If_None_Match=first)[0] == "304 Not Modified"
    assert door.reached == 2
    fewer(shelf[0])
    second = door(token, Accept_Encoding=encoding, If_None_Match=first)
    assert second[0] == "200 OK"
    known = door(token, Accept_Encoding=encoding, If_None_Match=second[1]["ETag"])
    assert (known[0], door.reached) == ("304 Not Modified", 2)
    door.forget()
    tag = second[1]["ETag"]
    door(token, Accept_Encoding=encoding)
    assert without_id(known) == without_id(door(token, Accept_Encoding=encoding, If_None_Match=tag))


def test_a_page_that_has_not_changed_is_looked_at_and_not_read(
    door: Door, stale: None, shelf: None, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "snapshot", lambda: "1:1:")
    door(token)
    with CaptureQueriesContext(connection) as asked:
        assert door(token)[0] == "200 OK"
    assert (len(asked), door.reached) == (0, 1)


def test_a_page_that_comes_to_be_compressed_goes_to_django(
    door: Door, stale: None, product: MakeProduct, token: str
) -> None:
    jam = product()
    assert "Vary" not in door(token, Accept_Encoding="gzip")[1]
    database.execute("UPDATE product SET name = repeat('jam ', 50), description = repeat('x', 900)")
    after = door(token, Accept_Encoding="gzip")
    assert (after[1]["Content-Encoding"], door.reached) == ("gzip", 2)
    assert b"jam jam" in gzip.decompress(after[2])
    fewer(jam)
    assert door(token, Accept_Encoding="gzip")[1]["Content-Encoding"] == "gzip"
    assert door.reached == 2


def test_why_a_page_could_not_be_had_is_django_s_to_tell(
    door: Door, stale: None, shelf: None, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it is not tried twice: with the database away that would take twice as long."""
    door(token)
    tries = []

    def away() -> str:
        tries.append(1)
        raise OperationalError("connection refused")

    monkeypatch.setattr(database, "snapshot", away)
    status, headers, body = door(token)
    assert (status, "Retry-After" in headers) == ("503 Service Unavailable", True)
    assert b'"code":"database_unavailable"' in body
    assert (len(tries), door.reached) == (1, 2)


def test_the_time_it_took_to_find_that_out_counts(
    door: Door, stale: None, shelf: None, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outages would look fast otherwise."""
    door(token)

    def away() -> str:
        sleep(0.2)
        raise OperationalError("connection refused")

    monkeypatch.setattr(database, "snapshot", away)
    requests.take()
    assert door(token)[0] == "503 Service Unavailable"
    assert Done(*requests.take()[-1]).took > 0.2 * 10**9


def test_statements_in_front_are_of_their_request(
    door: Door, stale: None, shelf: None, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their comments and lines of the log have its id."""
    door(token)
    given = uuid4().hex
    monkeypatch.setattr(database, "snapshot", lambda: f"1:1:{get_guid()}")
    assert door(token, Correlation_ID=given)[1]["Correlation-ID"] == given
    assert [one.page.snapshot for one in door.application._answers.values()] == [f"1:1:{given}"]
    assert (door.reached, get_guid() is None) == (1, True)


def test_the_connection_is_given_back(door: Door, stale: None, shelf: None, token: str) -> None:
    door(token)
    connection.ensure_connection()
    assert door(token)[0] == "200 OK"
    assert (connection.connection, door.reached) == (None, 1)


def statements(door: Door, *asked: tuple[str, Headers]) -> int:
    """How many it takes to answer these, by token and headers: a look is one, a reading one."""
    with CaptureQueriesContext(connection) as captured:
        for token, headers in asked:
            assert door(token, **headers)[0] == "200 OK"
    return len(captured)


def test_a_page_that_outgrows_what_is_kept_is_read_once_each_time(
    door: Door, stale: None, shelf: None, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    door(token)
    database.execute("UPDATE stock SET available = available - 1")
    monkeypatch.setattr(ready_pages, "LARGEST_PAGE", 10)
    door(token)
    assert [statements(door, (token, {})) for _ in range(3)] == [2, 2, 2]
    assert door.reached == 5


def test_what_was_made_anew_is_kept_for_all_who_ask_in_whatever_way(
    door: Door, product: MakeProduct, person: MakePerson, as_: Callable[[Person], Any]
) -> None:
    """A look and a reading for whoever wrote, nothing for who comes after them."""
    jam, who, json = product(stock=10), person(), {"Accept": "application/json"}
    mine, other = token_for(who), token_for(person())
    for token in (mine, other):
        door(token)
        door(token, **json)
    reached = door.reached
    assert as_(who)("POST", "orders", {"lines": [{"product": jam, "quantity": 3}]}).status == 201
    everybody: list[tuple[str, Headers]] = [(mine, {}), (mine, json), (other, {}), (other, json)]
    assert statements(door, *everybody, *everybody) == 2
    assert door.reached == reached


def test_queries_that_are_spelled_alike_by_django_are_two(
    door: Door, product: MakeProduct, token: str
) -> None:
    """Bytes that a client should have escaped, and the escaped form of other letters."""
    product(name="Käse")
    product(name="KÃ¤se")
    for _ in range(2):
        bodies = [door(token, f"products?q={asked}")[2] for asked in ("Käse", "K%C3%83%C2%A4se")]
        assert ["KÃ¤se".encode() in body for body in bodies] == [False, True]


def test_where_there_are_replicas_django_finds_who_answers(
    door: Door, stale: None, shelf: None, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response_cache, "REPLICATED", True)
    assert [door(token)[0] for _ in range(3)] == ["200 OK"] * 3
    assert door.reached == 3


def test_a_renewed_answer_takes_nobody_s_place(
    door: Door, stale: None, shelf: None, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_key, "MOST_KEPT", 3)
    for limit in (5, 6, 7):
        door(token, f"products?limit={limit}")
    database.execute("UPDATE stock SET available = available - 1")
    for limit in (5, 6, 7):
        door(token, f"products?limit={limit}")
    assert (len(door.application._answers), door.reached) == (3, 3)
