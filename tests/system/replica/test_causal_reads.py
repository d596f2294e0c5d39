"""Customers see their own writes, however far behind the replica is."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from larder.http.api_headers import add_headers, has_written
from larder.local.postgresql import Cluster
from tests.server import Server
from tests.system.replica.conftest import Phone, Shop, environment
from tests.system.replica.standby import paused
from tools.processes import wait_until


def test_reads_with_a_position_use_a_replica_that_has_reached_it(shop: Shop) -> None:
    jam, phone = shop.product(), shop.phone()
    order = phone.order(jam)
    paths = (f"orders/{order}", "orders", f"orders/{order}/events", f"products/{jam}")

    def read_from_replicas() -> bool:
        shop.catch_up()
        before = shop.reads().get("replica", 0)
        for path in paths:
            assert phone("GET", path).status == 200
        return shop.reads().get("replica", 0) - before == len(paths)

    assert wait_until(read_from_replicas), shop.reads()


def test_a_client_that_echoes_the_position_sees_its_order_while_replay_is_paused(
    shop: Shop,
) -> None:
    jam, phone = shop.product(stock=10), shop.phone()
    shop.catch_up()
    with paused(shop.replica):
        order = phone.order(jam)
        assert phone("GET", f"orders/{order}").status == 200
        assert [order["id"] for order in phone("GET", "orders").body["results"]] == [order]
        assert phone("GET", f"products/{jam}").body["quantity"] == 9
        assert phone("GET", f"stock?products={jam}").body["results"][0]["quantity"] == 9
        listed = phone("GET", f"products?ids={jam}").body["results"]
        assert listed[0]["quantity"] == 9


@pytest.fixture(scope="module")
def failing(primary: Cluster, _replica: Cluster) -> Iterator[Server]:
    """Another server, which cannot tell where its writes are."""
    options = environment(primary, _replica)
    with Server(
        workers=1,
        application="tests.system.faults.failing_after_commit_app:application",
        environment=options,
    ) as it:
        yield it


def other_place(phone: Phone, server: Server) -> Phone:
    """The same app, with the same token and position, at another server."""
    return Phone(server, phone.token, phone.position)


def test_an_earlier_contract_returns_the_position_of_its_writes(
    shop: Shop, failing: Server
) -> None:
    jam, phone = shop.product(stock=10), shop.phone()
    first = phone.order(jam)
    shop.catch_up()
    other = other_place(phone, failing)
    with paused(shop.replica):
        for _ in range(3):
            # The other server has just found out that the replica has everything.
            assert other("GET", f"orders/{first}").status == 200
            id, body = str(uuid4()), {"products": [{"id": jam, "quantity": 1}]}
            assert phone("POST", f"/api/orders/{id}/", body).status == 201
            other.position = phone.position
            assert other("GET", f"orders/{id}").status == 200


def test_a_write_without_a_known_position_replaces_an_older_one(
    shop: Shop, failing: Server
) -> None:
    jam, phone = shop.product(stock=10), shop.phone()
    first = phone.order(jam)
    shop.catch_up()
    other = other_place(phone, failing)
    with paused(shop.replica):
        for _ in range(3):
            assert phone("GET", f"orders/{first}").status == 200
            second = other.order(jam)
            phone.position = other.position
            assert phone("GET", f"orders/{second}").status == 200
            assert second in [order["id"] for order in phone("GET", "orders").body["results"]]


def position_after(status: int) -> str | None:
    """What an answer of this status to a write carries."""
    answer = add_headers(lambda _request: HttpResponse(status=status))
    return answer(RequestFactory().post("/api/v1/orders")).headers.get("Larder-Position")


def test_a_failure_replaces_an_older_position_and_a_refusal_does_not() -> None:
    answers = {status: position_after(status) for status in (409, 500, 503)}
    assert answers[409] is None
    assert has_written(answers[500])
    assert has_written(answers[503])
