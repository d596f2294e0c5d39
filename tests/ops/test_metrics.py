"""`/metrics`: its values and its access rules."""

from collections.abc import Callable

import pytest
from django.test import Client, override_settings

from tests.conftest import Person
from tests.ops.samples import numbers, order
from tests.server import Server
from tools.processes import wait_until

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
TOKEN = "a-token-for-prometheus"


def seen(**request: str) -> int:
    """The status that such a request is answered with."""
    return int(Client().get("/metrics", **request).status_code)  # type: ignore[arg-type]


def test_local_requests_get_the_metrics_without_a_token(db: None) -> None:
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "larder_placement_batch_size_count" in numbers(answer.content.decode())


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "192.168.1.5", "8.8.8.8", "::ffff:10.1.2.3", "2001:db8::1", "", "x"]
)
def test_remote_requests_without_a_token_get_404(address: str) -> None:
    answer = Client().get("/metrics", REMOTE_ADDR=address)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
def test_every_loopback_address_is_local(db: None, address: str) -> None:
    assert seen(REMOTE_ADDR=address) == 200


@override_settings(METRICS_TOKEN=TOKEN)
def test_remote_requests_with_the_token_get_the_metrics(db: None) -> None:
    away = "10.1.2.3"
    assert seen(REMOTE_ADDR=away, HTTP_AUTHORIZATION=f"Bearer {TOKEN}") == 200
    for wrong in (f"Bearer {TOKEN}x", TOKEN, "Bearer ", "Bearer ü", f"Token {TOKEN}"):
        assert seen(REMOTE_ADDR=away, HTTP_AUTHORIZATION=wrong) == 404


@override_settings(METRICS_TOKEN="")
def test_an_empty_token_is_refused_if_no_token_is_set() -> None:
    assert seen(REMOTE_ADDR="10.1.2.3", HTTP_AUTHORIZATION="Bearer ") == 404


@pytest.mark.parametrize("proxies", [["127.0.0.1"], ["127.0.0.0/8"], ["10.0.0.1", "127.0.0.1/32"]])
def test_a_request_through_a_trusted_proxy_is_not_local(
    proxies: list[str],
) -> None:
    with override_settings(TRUSTED_PROXIES=proxies):
        assert seen(REMOTE_ADDR="127.0.0.1") == 404
        assert seen(REMOTE_ADDR="::ffff:127.0.0.1") == 404


@pytest.mark.parametrize("header", ["X_FORWARDED_FOR", "FORWARDED", "X_REAL_IP", "VIA"])
def test_a_request_through_an_unnamed_proxy_is_not_local(header: str) -> None:
    assert seen(**{f"HTTP_{header}": "127.0.0.1"}) == 404


@pytest.mark.system
def test_orders_are_counted_by_outcome(
    transactional_db: None, person: MakePerson, product: MakeProduct
) -> None:
    """The counters of two processes are summed."""
    jam, who = product(stock=1000), person()
    with Server(workers=2) as server:
        token = server.token(who.customer.username, who.password)
        for _ in range(8):
            # A new connection each time, so that either process gets some.
            server.hang_up()
            assert order(server, token, jam) == 201
        assert order(server, token, jam, 1001) == 409
        assert order(server, token, jam + 1) == 422
        counts: dict[str, float] = {}

        def are_counted() -> bool:
            counts.update(numbers(server.call("GET", "/metrics").body.decode()))
            return counts["larder_placement_batch_size_sum"] == 10

        assert wait_until(are_counted)
    assert counts["larder_orders_placed_total"] == 8
    assert counts["larder_orders_refused_total insufficient_stock"] == 1
    assert counts["larder_orders_refused_total unknown_product"] == 1
    assert counts["larder_placement_wait_seconds_count"] == 10
    assert 0 < counts["larder_placement_transaction_seconds_sum"] < 10
    assert counts["larder_placement_waiting"] == 0
    assert counts["larder_database_pool_requests_total"] > 0
    assert "larder_database_pool_connections free" in counts
    assert counts["larder_database_up"] == 1
