"""The database connection is lost around a commit of the admin: staff get a correct message."""

import secrets
from typing import Any

import pytest

from tests.server import Reply
from tests.system.faults.desk import Desk
from tests.system.faults.proxied_shop import ProxiedShop as Shop
from tools.processes import wait_until
from tools.wire import Loss

UNKNOWN = "Please check what was saved"
PRODUCTS = "SELECT count(*) FROM catalog.product WHERE sku = '{}'"
CANCELLED = "SELECT count(*) FROM orders.order WHERE status = 'cancelled'"
PACKED = "SELECT count(*) FROM orders.order WHERE status = 'packed'"


@pytest.fixture
def desk(proxied: Shop) -> Desk:
    return Desk(proxied.server, proxied.staff)


def assert_unknown(page: Reply) -> None:
    """Fails unless the page says so, as HTML."""
    assert page.headers["content-type"].startswith("text/html"), page.body
    assert page.status in {500, 503}
    assert UNKNOWN in page.body
    assert "outcome_unknown" in page.body


def test_a_product_with_a_lost_commit_is_reported_as_possibly_added(
    proxied: Shop, desk: Desk
) -> None:
    sku = secrets.token_hex(4)
    form = desk.open("catalog/product/add/") | {"sku": sku, "name": f"Tea {sku}", "price": "3"}
    proxied.wire.lose(Loss.ANSWER)
    assert_unknown(desk.send("catalog/product/add/", form))
    assert wait_until(lambda: proxied.count(PRODUCTS.format(sku)) == 1)


def test_a_product_that_was_changed_is_not_shown_as_unchanged(proxied: Shop, desk: Desk) -> None:
    unit, path = secrets.token_hex(4), f"catalog/product/{proxied.product}/change/"
    form = desk.open(path) | {"unit": unit}
    proxied.wire.lose(Loss.ANSWER)
    assert_unknown(desk.send(path, form))
    assert desk.open(path)["unit"] == unit


def test_a_change_that_did_not_begin_is_reported_as_not_made(proxied: Shop, desk: Desk) -> None:
    unit, path = secrets.token_hex(4), f"catalog/product/{proxied.product}/change/"
    form = desk.open(path) | {"unit": unit}
    proxied.wire.lose(Loss.STATEMENT)
    page = desk.send(path, form)
    assert (page.status, page.headers["retry-after"]) == (503, "1")
    assert "database_unavailable" in page.body
    assert desk.open(path)["unit"] != unit


@pytest.mark.parametrize("loss", [Loss.ANSWER, Loss.DROPPED])
def test_a_telephone_order_is_reported_as_placed_or_not_placed(
    proxied: Shop, desk: Desk, loss: Loss
) -> None:
    before, customer = proxied.count(), proxied.call("GET", "me").body["id"]
    path = "orders/order/telephone/"
    sku = proxied.call("GET", f"products/{proxied.product}").body["sku"]
    lines = {"line-0-sku": sku, "line-0-quantity": "1"}
    form = desk.open(path) | lines | {"customer": str(customer), "collected": "on"}
    proxied.wire.lose(loss)
    placed = desk.send(path, form)
    if loss is Loss.ANSWER:
        assert placed.status == 302, placed.body
    else:
        assert (placed.status, proxied.count()) == (503, before), placed.body
        assert "database_unavailable" in placed.body
    # The page carries the id of the order: sent again, it is placed once.
    assert desk.send(path, form).status == 302
    assert proxied.count() == before + 1


def test_a_move_with_a_lost_commit_can_be_repeated(proxied: Shop, desk: Desk) -> None:
    order, before = proxied.order().body["id"], proxied.count(CANCELLED)
    path = f"orders/order/{order}/cancel/"
    form = desk.open(path)
    proxied.wire.lose(Loss.ANSWER)
    assert_unknown(desk.send(path, form))
    assert wait_until(lambda: proxied.count(CANCELLED) == before + 1)
    assert desk.send(path, form).status == 302
    assert proxied.count(CANCELLED) == before + 1


def test_an_interrupted_action_reports_that_some_orders_may_have_been_moved(
    proxied: Shop, desk: Desk
) -> None:
    orders, before = [proxied.order().body["id"] for _ in range(2)], proxied.count(PACKED)
    asked: dict[str, Any] = {"action": "mark_packed", "index": "0", "_selected_action": orders}
    question = desk.open("orders/order/")
    shown = desk.send("orders/order/", question | asked)
    assert "Pack" in shown.body
    versions = {f"seen-{order}": "1" for order in orders}
    sent = question | asked | versions | {"confirmed": "yes", "form_key": secrets.token_hex(8)}
    proxied.wire.lose(Loss.AFTER)
    assert_unknown(desk.send("orders/order/", sent))
    assert proxied.count(PACKED) == before + 1
