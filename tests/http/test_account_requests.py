"""Requests of a few accounts leave connections and threads to all others."""

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from time import monotonic, sleep

import pytest
from django.db import transaction

from larder.orders.models import Cart, Order
from tests.conftest import Person
from tests.load import Call, repeated
from tests.server import Server

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
CONNECTIONS = 32
SECONDS = 3.0


@pytest.fixture
def alone(transactional_db: None) -> Iterator[Server]:
    """One process, with eight connections, and all contracts."""
    with Server(workers=1, environment={"COMPAT": "0,1,2,3,4"}) as running:
        yield running


@contextmanager
def locked(customer: int) -> Iterator[None]:
    """Locks the customer's cart and orders, as slow writes of other processes do."""
    with transaction.atomic():
        carts = list(Cart.objects.select_for_update().filter(customer=customer))
        assert carts + list(Order.objects.select_for_update().filter(customer=customer))
        yield


def writes(server: Server, token: str, product: int) -> list[Call]:
    """The writes of an account that lock its cart or one of its orders."""
    lines = {"lines": [{"product": product, "quantity": 2}]}
    placed = server.call("POST", "orders", lines, token=token).body["id"]
    asked = (
        ("PUT", "cart", lines),
        ("PUT", f"cart/lines/{product}", {"quantity": 3}),
        ("PATCH", f"orders/{placed}", {"note": "ring twice"}),
        ("POST", f"/products/{product}/add_to_order/", None),
    )
    calls: list[Call] = [
        lambda call=call: server.call(*call, token=token).status  # type: ignore[misc]
        for call in asked
    ]
    assert [call() for call in calls] == [200] * len(calls)
    return calls


def others(server: Server, token: str, product: int) -> Counter[str]:
    """What another customer's reads, orders and cart writes are answered for SECONDS."""
    lines = {"lines": [{"product": product, "quantity": 1}]}
    asked = (
        ("GET", "products", None),
        ("POST", "orders", lines),
        ("PUT", "cart", lines),
        ("GET", "orders", None),
    )
    seen, until = Counter[str](), monotonic() + SECONDS
    while monotonic() < until:
        for method, path, body in asked:
            seen[server.call(method, path, body, token=token).code] += 1
    return seen


@pytest.mark.system
def test_writes_of_one_account_leave_connections_to_others(
    alone: Server, person: MakePerson, product: MakeProduct
) -> None:
    jam = product(stock=1_000_000)
    who, other = person(), person()
    token = alone.token(who.customer.username, who.password)
    honest = alone.token(other.customer.username, other.password)
    calls = writes(alone, token, jam)
    crowd = list(islice(cycle(calls), CONNECTIONS))
    with repeated(crowd, pause=0.05) as statuses:
        with locked(who.id):
            seen = others(alone, honest, jam)
            refused = alone.call("DELETE", "cart", token=token)
            again = alone.call("POST", f"/products/{jam}/remove_from_order/", token=token)
        assert set(others(alone, honest, jam)) <= {"200", "201"}
    assert set(seen) <= {"200", "201"}, seen
    assert refused.code == "overloaded"
    assert (again.status, int(again.headers["retry-after"]) >= 1) == (503, True)
    assert set(statuses) == {200, 503}, statuses
    assert [call() for call in calls] == [200] * len(calls)


@pytest.mark.system
def test_writes_that_an_app_sends_at_once_wait_for_one_another(
    alone: Server, person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(), person()
    token = alone.token(who.customer.username, who.password)

    def put() -> int:
        return alone.call("PUT", f"cart/lines/{jam}", {"quantity": 2}, token=token).status

    assert put() == 200
    with ThreadPoolExecutor(12) as pool:
        answers = [pool.submit(put) for _ in range(60)]
    assert Counter(answer.result() for answer in answers) == {200: 60}


@pytest.mark.system
def test_writes_of_three_accounts_leave_threads_to_others(
    alone: Server, person: MakePerson, product: MakeProduct
) -> None:
    jam, people, other = product(stock=1_000_000), [person() for _ in range(3)], person()
    tokens = [alone.token(who.customer.username, who.password) for who in people]
    honest = alone.token(other.customer.username, other.password)
    calls = [call for token in tokens for call in writes(alone, token, jam)]
    crowd = list(islice(cycle(calls), 3 * CONNECTIONS))
    with (
        repeated(crowd, pause=0.05),
        locked(people[0].id),
        locked(people[1].id),
        locked(people[2].id),
    ):
        began = monotonic()
        assert alone.call("GET", "/livez").status == 200
        assert monotonic() - began < 2
        assert set(others(alone, honest, jam)) <= {"200", "201"}


@contextmanager
def half_sent(server: Server, token: str, path: str) -> Iterator[None]:
    """Keeps two bodies of PATCH requests open: one byte of thirty is sent."""
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 30\r\n\r\n{"
    )
    with ExitStack() as opened:
        for _ in range(2):
            address = ("127.0.0.1", server.port)
            wire = opened.enter_context(socket.create_connection(address, timeout=20))
            wire.sendall(head.encode())
        sleep(0.3)  # for the server to begin reading them
        yield


@pytest.mark.system
def test_writes_of_an_account_do_not_wait_for_its_incomplete_bodies(
    alone: Server, person: MakePerson, product: MakeProduct
) -> None:
    who, jam = person(), product()
    token = alone.token(who.customer.username, who.password)
    for path in ("/api/v1/me", f"/api/identity/customers/{who.id}/"):
        with half_sent(alone, token, path):
            began = monotonic()
            written = alone.call("PUT", f"cart/lines/{jam}", {"quantity": 1}, token=token)
            assert (written.status, monotonic() - began < 2) == (200, True), path


@pytest.mark.system
def test_reads_of_one_account_leave_connections_to_others(
    alone: Server, person: MakePerson, product: MakeProduct
) -> None:
    jams = [product(stock=1_000_000) for _ in range(300)]
    who, other = person(), person()
    token = alone.token(who.customer.username, who.password)
    honest = alone.token(other.customer.username, other.password)
    lines = {"lines": [{"product": jam, "quantity": 1} for jam in jams]}
    assert alone.call("PUT", "cart", lines, token=token).status == 200
    paths = ("cart", "/orders/current/")
    crowd = [
        lambda path=path: alone.call("GET", path, token=token).status
        for path in islice(cycle(paths), 2 * CONNECTIONS)
    ]
    with repeated(crowd, pause=0.0) as statuses:
        assert set(others(alone, honest, jams[0])) <= {"200", "201"}
    assert set(statuses) == {200, 503}, statuses
