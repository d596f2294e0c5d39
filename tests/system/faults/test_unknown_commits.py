"""The connection to the database is lost during a commit: the answer is correct.

A proxy between the server and PostgreSQL loses the commit or its answer.
"""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from time import monotonic
from typing import Any

import pytest

from larder.core.ids import new_id
from tests.server import Reply
from tests.system.faults.proxied_shop import ProxiedShop as Shop
from tests.system.faults.proxied_shop import assert_unknown
from tests.system.faults.shop import PASSWORD
from tools.wire import Loss

ANSWERED_WITHIN = 4.0
"""Seconds for an answer with the database away, on a busy machine."""


@pytest.fixture
def shop(proxied: Shop) -> Shop:
    return proxied


KEYED: list[Callable[[], dict[str, Any]]] = [
    dict,
    lambda: {"headers": {"Idempotency-Key": secrets.token_hex(8)}},
    lambda: {"id": str(new_id())},
]


@pytest.mark.parametrize("options", KEYED)
def test_an_order_whose_commit_arrived_is_answered_as_placed(
    shop: Shop, options: Callable[[], dict[str, Any]]
) -> None:
    before, given = shop.count(), options()
    shop.wire.lose(Loss.ANSWER)
    reply = shop.order(**given)
    assert reply.status == 201, reply.body
    assert "idempotency-replayed" not in reply.headers
    assert shop.count() == before + 1
    shown = shop.call("GET", f"orders/{reply.body['id']}").body
    assert shown == reply.body
    if given:
        again = shop.order(**given)
        assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
        assert shop.count() == before + 1


@pytest.mark.parametrize("options", KEYED)
def test_an_order_whose_commit_did_not_arrive_can_be_placed_again(
    shop: Shop, options: Callable[[], dict[str, Any]]
) -> None:
    before, given = shop.count(), options()
    shop.wire.lose(Loss.DROPPED)
    reply = shop.order(**given)
    assert (reply.status, reply.body["code"]) == (503, "database_unavailable")
    assert shop.count() == before
    again = shop.order(**given)
    assert again.status == 201
    assert "idempotency-replayed" not in again.headers
    assert shop.count() == before + 1


def test_the_server_waits_for_a_late_commit(shop: Shop) -> None:
    before = shop.count()
    shop.wire.lose(Loss.LATE, delay=1.0)
    began = monotonic()
    assert shop.order().status == 201
    assert monotonic() - began > 0.9
    assert shop.count() == before + 1


@pytest.mark.parametrize(
    ("loss", "options"),
    [
        (Loss.ANSWER, KEYED[0]),
        *(
            pytest.param(loss, options, marks=pytest.mark.slow)
            for loss, options in product((Loss.ANSWER, Loss.DROPPED), KEYED)
        ),
    ],
)
def test_the_outcome_of_an_order_is_unknown_if_the_database_is_lost(
    shop: Shop, loss: Loss, options: Callable[[], dict[str, Any]]
) -> None:
    before, given = shop.count(), options()
    shop.wire.lose(loss, away=3.2)
    began = monotonic()
    assert_unknown(shop.order(**given), repeatable=bool(given))
    assert monotonic() - began < ANSWERED_WITHIN
    placed = 1 if loss is Loss.ANSWER else 0
    assert shop.count() == before + placed
    shop.wait_until_back()
    if given:
        again = shop.order(**given)
        assert again.status == 201
        assert ("idempotency-replayed" in again.headers) is bool(placed)
        assert shop.count() == before + 1


@pytest.mark.parametrize("loss", [Loss.ANSWER, Loss.DROPPED])
def test_all_orders_of_a_batch_get_the_same_outcome(shop: Shop, loss: Loss) -> None:
    """The wire loses one commit of several batches."""
    before, lost = shop.count(), shop.wire.lost

    def buy(_: int) -> Reply:
        try:
            return shop.order()
        finally:
            shop.server.hang_up()

    with ThreadPoolExecutor(16) as clients:
        shop.wire.lose(loss)
        replies = list(clients.map(buy, range(48)))
    placed = [one for one in replies if one.status == 201]
    others = {one.body["code"] for one in replies if one.status != 201}
    assert shop.wire.lost == lost + 1
    assert shop.count() == before + len(placed)
    assert others == (set() if loss is Loss.ANSWER else {"database_unavailable"})


def test_a_submitted_cart_is_answered_as_placed(shop: Shop) -> None:
    before = shop.count()
    shop.call("PUT", f"cart/lines/{shop.product}", {"quantity": 2})
    shop.wire.lose(Loss.ANSWER)
    reply = shop.call("POST", "cart/submit", {})
    assert reply.status == 201, reply.body
    assert shop.count() == before + 1


@pytest.mark.parametrize(
    ("method", "path", "body", "key", "repeatable"),
    [
        ("PUT", "cart/lines/{product}", {"quantity": 3}, False, True),
        ("PATCH", "me", {"first_name": "Ada"}, False, True),
        ("POST", "me/addresses", {"label": "Home"}, True, True),
        ("POST", "me/addresses", {"label": "Home"}, False, False),
        ("POST", "auth/keys", {}, False, False),
        ("POST", "orders/{order}/cancel", {}, True, True),
        ("POST", "orders/{order}/cancel", {}, False, False),
        ("DELETE", "cart", None, False, True),
    ],
)
def test_other_writes_report_an_unknown_outcome(
    shop: Shop, method: str, path: str, body: Any, key: bool, repeatable: bool
) -> None:
    order = shop.order().body["id"]
    shop.call("PUT", f"cart/lines/{shop.product}", {"quantity": 2})
    headers = {"Idempotency-Key": secrets.token_hex(8)} if key else {}
    shop.wire.lose(Loss.ANSWER)
    given = path.format(product=shop.product, order=order)
    reply = shop.call(method, given, body, headers=headers)
    assert_unknown(reply, repeatable=repeatable)
    if repeatable:
        assert shop.call(method, given, body, headers=headers).status < 300


def test_a_log_in_with_a_lost_commit_can_be_repeated(shop: Shop) -> None:
    account = {"username": f"new {secrets.token_hex(4)}", "password": PASSWORD}
    shop.wire.lose(Loss.ANSWER)
    assert_unknown(shop.server.call("POST", "auth/register", account), repeatable=False)
    shop.wire.lose(Loss.ANSWER)
    assert_unknown(shop.server.call("POST", "auth/token", account), repeatable=True)
    assert shop.server.call("POST", "auth/token", account).status == 200


def test_a_read_has_no_unknown_outcome(shop: Shop) -> None:
    shop.wire.cut()
    assert shop.call("GET", "orders").status == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "key", "repeatable"),
    [
        ("PUT", "cart/lines/{product}", {"quantity": 3}, False, True),
        ("PATCH", "me", {"first_name": "Grace"}, False, True),
        ("POST", "me/addresses", {"label": "Work"}, True, True),
        ("POST", "me/addresses", {"label": "Work"}, False, False),
        ("POST", "orders/{order}/cancel", {}, True, True),
        ("POST", "orders/{order}/cancel", {}, False, False),
    ],
)
def test_a_committed_write_is_not_answered_as_refused(
    shop: Shop, method: str, path: str, body: Any, key: bool, repeatable: bool
) -> None:
    """The statement after the commit fails, which reads what the answer shows."""
    order = shop.order().body["id"]
    headers = {"Idempotency-Key": secrets.token_hex(8)} if key else {}
    given = path.format(product=shop.product, order=order)
    shop.wire.lose(Loss.AFTER)
    reply = shop.call(method, given, body, headers=headers)
    assert_unknown(reply, repeatable=repeatable)
    assert "after a commit" in reply.body["detail"]
    if repeatable:
        assert shop.call(method, given, body, headers=headers).status < 300


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "orders", None), ("PUT", "cart/lines/{product}", {"quantity": 4})],
)
def test_a_request_without_a_commit_reports_that_nothing_changed(
    shop: Shop, method: str, path: str, body: Any
) -> None:
    path = path.format(product=shop.product)
    assert shop.call("PUT", f"cart/lines/{shop.product}", {"quantity": 2}).status == 200
    before = shop.call("GET", "cart").body
    shop.wire.lose(Loss.STATEMENT)
    reply = shop.call(method, path, body)
    assert (reply.status, reply.body["code"]) == (503, "database_unavailable"), reply.body
    assert shop.call("GET", "cart").body == before
