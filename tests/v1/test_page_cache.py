"""The page cache: no page is read twice, and no outdated page is sent."""

import gzip
import json
import os
from collections.abc import Callable
from time import sleep
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from larder.db import sql
from larder.v1 import freshness, page_cache
from tests.conftest import Api, Person
from tests.http.conftest import token_for

MakeProduct = Callable[..., int]
MakePerson = Callable[..., Person]
HOUR = 3600 * 10**9
TAKE_ONE = "UPDATE stock SET available = available - 1 WHERE product_id = %s"


@pytest.fixture
def token(db: None, person: MakePerson) -> str:
    return token_for(person())


@pytest.fixture
def customer(as_: Callable[[Person], Api], person: MakePerson) -> Api:
    return as_(person())


@pytest.fixture
def another(as_: Callable[[Person], Api], person: MakePerson) -> Api:
    return as_(person())


def reads(api: Api, path: str = "products", **headers: str) -> list[str]:
    """Returns the statements of a request without those that read ended sessions."""
    with CaptureQueriesContext(connection) as captured:
        assert api("GET", path, **headers).status in {200, 304}
    statements = [query["sql"] for query in captured.captured_queries]
    return [one for one in statements if 'FROM "session"' not in one]


def quantity(api: Api, **headers: str) -> int:
    """Returns the quantity of the only product of the list."""
    return int(api("GET", "products", **headers).body["results"][0]["quantity"])


def test_a_page_is_read_once_while_nothing_changes(
    transactional_db: None, product: MakeProduct, customer: Api, another: Api
) -> None:
    """A commit in any database of the cluster causes a check: other tests may run."""
    product()
    assert len(reads(customer)) == 2
    assert [sql.SNAPSHOT] in [reads(customer) for _ in range(100)]
    assert [sql.SNAPSHOT] in [reads(another) for _ in range(100)]


@pytest.fixture
def no_lag_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "MAX_LAG", HOUR)


@pytest.fixture
def unchecked(empty_cache: None, no_lag_is_too_long: None) -> None:
    """An empty page cache, whose pages are not compared with the database."""


def test_the_database_is_not_queried_within_the_lag(
    empty_cache: None, no_lag_is_too_long: None, product: MakeProduct, customer: Api
) -> None:
    product()
    assert [len(reads(customer)), len(reads(customer))] == [2, 0]
    assert customer("GET", "products").status == 200


def test_changes_of_others_are_visible_after_a_tenth_of_a_second(
    empty_cache: None, product: MakeProduct, customer: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "MAX_LAG", 10**8)
    jam = product(stock=10)
    for left in range(9, 0, -1):
        assert quantity(customer) == left + 1
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as elsewhere:
            elsewhere.execute(TAKE_ONE, [jam])
        sleep(0.1)
        assert quantity(customer) == left


def test_an_app_that_echoes_its_position_sees_its_own_order_at_once(
    empty_cache: None,
    no_lag_is_too_long: None,
    product: MakeProduct,
    customer: Api,
    another: Api,
) -> None:
    jam = product(stock=10)
    for left in range(9, 0, -1):
        order = customer("POST", "orders", {"lines": [{"product": jam, "quantity": 1}]})
        position = order.headers["Larder-Position"]
        assert quantity(customer, Larder_Position=position) == left
        assert reads(another) == []


def test_a_304_reads_no_row(transactional_db: None, product: MakeProduct, customer: Api) -> None:
    """A commit in any database of the cluster causes a check: other tests may run."""
    product()
    tag = customer("GET", "products").headers["ETag"]
    assert [sql.SNAPSHOT] in [reads(customer, If_None_Match=tag) for _ in range(100)]
    assert customer("GET", "products", If_None_Match=tag).status == 304


def test_each_commit_is_in_the_next_answer(
    transactional_db: None, product: MakeProduct, customer: Api
) -> None:
    jam = product(stock=100)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as elsewhere:
        for left in range(99, 49, -1):
            elsewhere.execute(TAKE_ONE, [jam])
            assert quantity(customer) == left


def test_uncommitted_changes_are_in_no_answer(
    transactional_db: None, product: MakeProduct, customer: Api
) -> None:
    """A page that was built during a transaction is replaced after its commit."""
    jam = product(stock=100)
    with psycopg.connect(os.environ["DATABASE_URL"]) as elsewhere:
        elsewhere.execute(TAKE_ONE, [jam])
        assert [quantity(customer), quantity(customer)] == [100, 100]
        elsewhere.commit()
        assert quantity(customer) == 99


def test_a_transaction_sees_its_own_changes(db: None, product: MakeProduct, customer: Api) -> None:
    for number in range(3):
        product()
        assert len(customer("GET", "products").body["results"]) == number + 1


def test_each_host_gets_links_with_its_name(
    unchecked: None, product: MakeProduct, customer: Api
) -> None:
    for _ in range(2):
        product()
    for host in ("testserver", "localhost"):
        answer = customer("GET", "products?limit=1", Host=host)
        assert answer.body["next"].startswith(f"http://{host}/api/v1/products?")


@pytest.fixture
def long_list(transactional_db: None, product: MakeProduct) -> None:
    for _ in range(20):
        product()


def compressed(token: str, accept: str, **headers: str) -> Any:
    """Returns the answer to a client with this `Accept-Encoding`."""
    client = Client(headers={"Authorization": f"Bearer {token}", **headers})
    return client.get("/api/v1/products", headers={"Accept-Encoding": accept})


@pytest.mark.parametrize("accept", ["gzip", "br, gzip;q=0.5", "deflate, GZIP"])
def test_a_client_that_accepts_gzip_gets_gzip(long_list: None, token: str, accept: str) -> None:
    plain, packed = compressed(token, ""), compressed(token, accept)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.content)) == plain.json()
    assert len(packed.content) < len(plain.content) / 3
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert "Accept-Encoding" in plain.headers["Vary"]
    again = compressed(token, accept, **{"If-None-Match": packed.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "Content-Encoding" not in again.headers


@pytest.mark.parametrize("accept", ["", "identity", "gzip;q=0", "gzip; q=0.000", "br", "xgzip"])
def test_a_client_that_does_not_accept_gzip_gets_uncompressed_pages(
    long_list: None, token: str, accept: str
) -> None:
    assert "Content-Encoding" not in compressed(token, accept).headers


def test_each_page_is_compressed_once(
    unchecked: None, long_list: None, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[bytes] = []
    compress = gzip.compress

    def counted(raw: bytes, **options: int) -> bytes:
        times.append(raw)
        return compress(raw, **options)

    monkeypatch.setattr(gzip, "compress", counted)
    for _ in range(3):
        compressed(token, "gzip")
    assert len(times) == 1


def test_the_page_cache_is_bounded(
    unchecked: None, product: MakeProduct, customer: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_cache, "MAX_PAGES", 2)
    product()
    for path in ("products?limit=1", "products?limit=2", "products?limit=3"):
        customer("GET", path)
    assert [len(reads(customer, f"products?limit={n}")) for n in (2, 3, 1)] == [0, 0, 2]


def test_a_large_page_is_not_cached(
    unchecked: None, product: MakeProduct, customer: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_cache, "MAX_PAGE_BYTES", 10)
    product()
    assert [len(reads(customer)), len(reads(customer))] == [2, 2]
