"""Lists of large orders at the earlier contracts."""

from collections.abc import Callable
from datetime import datetime
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from django.db import connection

from larder.compat import contract4, pages, views
from larder.compat.urls import patterns
from larder.config import urls
from larder.core import parts, waits
from larder.core.errors import Overloaded
from larder.core.limits import MAX_PAGE_ROWS
from larder.db import database
from larder.identity.models import Customer
from tests.compat.conftest import ApiClient
from tests.conftest import Api, Person
from tests.http.conftest import token_for
from tests.orders import large_orders
from tests.tiers import LONGEST

pytestmark = pytest.mark.django_db(transaction=True)
LISTS = ("/api/orders/", "/api/orders/orders/?limit=1000", "/orders/")


def test_a_list_of_large_orders_is_complete(
    person: Callable[..., Person], client_of: Callable[[Person], ApiClient], now: datetime
) -> None:
    who = person()
    large_orders.fill(who, 6, now)
    for path in LISTS:
        body = client_of(who)("GET", path).body
        orders = body if isinstance(body, list) else body["results"]
        lines = ("products", "order_items", "orderedproduct_set")
        shown = [len(order[name]) for order in orders for name in lines if name in order]
        assert shown == [1_000] * 6


@pytest.fixture
def at(person: Callable[..., Person], settings: Any) -> Callable[[int], Api]:
    """A client of an earlier contract within the test's process: `at(2)("GET", path)`."""
    client = Api(token_for(person()))

    def of(contract: int) -> Api:
        settings.ROOT_URLCONF = f"larder.compat.contract{contract}"
        return client

    return of


@pytest.mark.parametrize(
    ("contract", "path"), [(2, "/api/catalog/products/"), (3, "/api/product/")]
)
def test_the_rows_of_a_page_are_limited(at: Callable[[int], Api], contract: int, path: str) -> None:
    stock_products(pages.MAX_ROWS + 1)
    body = at(contract)("GET", f"{path}?limit={pages.MAX_ROWS + 1}").body
    assert (len(body["results"]), body["count"]) == (pages.MAX_ROWS, pages.MAX_ROWS + 1)


@pytest.mark.parametrize(
    ("contract", "path", "form"),
    [
        (2, "/api/catalog/products/", "text/html"),
        (3, "/api/product/", "application/json"),
    ],
)
def test_a_page_longer_than_in_v1_waits_for_other_large_answers(
    contract: int,
    path: str,
    form: str,
    at: Callable[[int], Api],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = at(contract)
    settings.ROOT_URLCONF = (*urls.urlpatterns, *patterns(frozenset({str(contract)})))
    stock_products(MAX_PAGE_ROWS + 1)
    monkeypatch.setattr(waits, "LONGEST_WAIT", 0.01)
    with views.one_at_a_time("another account"):
        long = client("GET", f"{path}?limit=1000", Accept=form)
        assert long.status == 503
        assert int(long.headers["Retry-After"]) in {1, 2, 3}
        short = client("GET", f"{path}?limit={MAX_PAGE_ROWS}", Accept=form)
        assert short.status == 200
    assert client("GET", f"{path}?limit=1000", Accept=form).status == 200


def test_lists_without_descriptions_do_not_read_them(
    at: Callable[[int], Api], product: Callable[..., int], django_assert_max_num_queries: Any
) -> None:
    product(stock=1, description="a long story")
    for contract, path in ((1, "/api/products/"), (3, "/api/product/"), (4, "/products/")):
        with django_assert_max_num_queries(20) as queries:
            assert at(contract)("GET", path).status == 200
        read = [query["sql"] for query in queries.captured_queries]
        assert any("FROM product" in sql for sql in read)
        assert not any("p.description" in sql for sql in read), path


def stock_products(count: int) -> None:
    """Makes so many products, with a unit of each."""
    database.execute(large_orders.PRODUCTS, [count])
    database.execute("UPDATE stock SET available = 1")


def make_customers(count: int) -> None:
    """Makes so many customers, who cannot log in."""
    Customer.objects.bulk_create([Customer(username=f"many {n}") for n in range(count)])


LONG_LISTS = [("/products/", stock_products, 0), ("/api/user/", make_customers, 1)]
"""The lists without a page: how to fill them, and how many rows there are before that."""


@pytest.mark.parametrize(("path", "fill", "before"), LONG_LISTS)
def test_a_list_of_several_parts_is_complete(
    path: str, fill: Callable[[int], None], before: int, keeper: ApiClient
) -> None:
    fill(2 * parts.LENGTH + 1 - before)
    body = keeper("GET", path).body
    rows = body if isinstance(body, list) else body["users"]
    assert len({row["id"] for row in rows}) == len(rows) == 2 * parts.LENGTH + 1
    if path == "/products/":
        assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)


@pytest.mark.parametrize(("path", "fill", "before"), LONG_LISTS)
def test_only_a_list_longer_than_a_page_of_v1_waits_for_another_large_answer(
    path: str,
    fill: Callable[[int], None],
    before: int,
    person: Callable[..., Person],
    product: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    monkeypatch.setattr(waits, "LONGEST_WAIT", 0.1)
    settings.ROOT_URLCONF = f"larder.compat.contract{4 if path == '/products/' else 3}"
    client = Api(token_for(person(is_staff=True)))
    fill(MAX_PAGE_ROWS - before)
    with views.one_at_a_time("another account"):
        assert client("GET", path).status == 200
        person(), product()
        assert client("GET", path).status == 503
    assert client("GET", path).status == 200


def test_the_requests_that_wait_for_a_large_answer_are_limited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waits, "LONGEST_WAIT", 60.0)
    answers = Queue[bool]()

    def wait(account: int) -> None:
        try:
            with views.one_at_a_time(account):
                answers.put(True)
        except Overloaded:
            answers.put(False)

    waiting = views.MOST_WAITING
    with views.one_at_a_time("another account"):
        threads = [Thread(target=wait, args=[number]) for number in range(waiting + 3)]
        for thread in threads:
            thread.start()
        assert [answers.get(timeout=LONGEST) for _ in range(3)] == [False] * 3
        assert answers.empty()
    assert [answers.get(timeout=LONGEST) for _ in range(waiting)] == [True] * waiting
    for thread in threads:
        thread.join()


def test_an_account_has_one_large_answer_at_a_time(
    person: Callable[..., Person], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waits, "LONGEST_WAIT", 60.0)
    settings.ROOT_URLCONF = "larder.compat.contract4"
    stock_products(parts.LENGTH + 1)
    first, second, third = (person() for _ in range(3))
    answers = Queue[tuple[int, int]]()

    def ask(who: Person) -> None:
        try:
            answers.put((who.id, Api(token_for(who))("GET", "/products/").status))
        finally:
            connection.close()

    threads = [Thread(target=ask, args=[who]) for who in (first, second, second, third)]
    with views.one_at_a_time(first.id):
        for thread in threads:
            thread.start()
        # One of the second account's two requests waits, as the third's does.
        refused = {answers.get(timeout=LONGEST) for _ in range(2)}
        assert refused == {(first.id, 503), (second.id, 503)}
        assert answers.empty()
    assert {answers.get(timeout=LONGEST) for _ in range(2)} == {(second.id, 200), (third.id, 200)}
    for thread in threads:
        thread.join()


def test_a_list_of_orders_ends_with_the_newest(
    person: Callable[..., Person], now: datetime, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = person()
    large_orders.fill(who, 6, now)
    settings.ROOT_URLCONF = "larder.compat.contract4"
    client = Api(token_for(who))
    numbers = [order["id"] for order in client("GET", "/orders/").body]
    assert len(numbers) == 6
    assert numbers == sorted(numbers)
    # A part has the orders of 5,000 lines.
    monkeypatch.setattr(contract4, "MOST_PARTS", 1)
    assert [order["id"] for order in client("GET", "/orders/").body] == numbers[1:]
