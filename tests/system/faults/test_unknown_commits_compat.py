"""The connection to the database is lost around a commit of the earlier contracts."""

import secrets
from collections.abc import Callable

import pytest

from tests.system.faults.contracts import CONTRACTS, Send, by_public_id, make_key, new_account
from tests.system.faults.proxied_shop import ProxiedShop as Shop
from tests.system.faults.proxied_shop import assert_unknown
from tests.system.faults.shop import PASSWORD
from tools.wire import Loss


@pytest.mark.parametrize("name", CONTRACTS)
def test_an_order_whose_commit_arrived_is_answered_as_placed(proxied: Shop, name: str) -> None:
    contract = CONTRACTS[name]
    send, before = contract.prepare(proxied), proxied.count()
    proxied.wire.lose(Loss.ANSWER)
    reply = send()
    assert reply.status == contract.status, reply.body
    assert proxied.count() == before + 1
    if contract.repeatable:
        assert send().status == contract.again
        assert proxied.count() == before + 1


@pytest.mark.parametrize("name", CONTRACTS)
def test_an_order_whose_commit_did_not_arrive_can_be_placed_again(proxied: Shop, name: str) -> None:
    contract = CONTRACTS[name]
    send, before = contract.prepare(proxied), proxied.count()
    proxied.wire.lose(Loss.DROPPED)
    reply = send()
    assert (reply.status, reply.body["code"]) == (503, "database_unavailable"), reply.body
    assert proxied.count() == before
    assert send().status == contract.status
    assert proxied.count() == before + 1


@pytest.mark.parametrize(
    "name", ["2", *(pytest.param(one, marks=pytest.mark.slow) for one in "134")]
)
def test_an_order_is_unknown_if_the_database_is_lost(proxied: Shop, name: str) -> None:
    contract = CONTRACTS[name]
    send, before = contract.prepare(proxied), proxied.count()
    proxied.wire.lose(Loss.ANSWER, away=3.2)
    assert_unknown(send(), repeatable=contract.repeatable)
    proxied.wait_until_back()
    assert proxied.count() == before + 1
    if contract.repeatable:
        assert send().status == contract.again
        assert proxied.count() == before + 1


def test_a_placed_order_is_not_refused_if_its_answer_cannot_be_read(
    proxied: Shop,
) -> None:
    """Contract 2 reads the public ids of products after the commit."""
    send, before = by_public_id(proxied), proxied.count()
    proxied.wire.lose(Loss.AFTER)
    assert_unknown(send(), repeatable=False)
    assert proxied.count() == before + 1


def register(shop: Shop) -> Send:
    account = new_account()
    more = {"email": f"{account['username']}@example.com", "password2": PASSWORD}
    return lambda: shop.server.call("POST", "/api/identity/register/", account | more)


def add_product(shop: Shop) -> Send:
    body = {"name": f"Tea {secrets.token_hex(4)}", "price": 3}
    return lambda: shop.server.call("POST", "/api/product/", body, token=shop.staff_token)


WRITES: dict[str, Callable[[Shop], Send]] = {
    "0, a key": make_key,
    "1, a log-in": lambda shop: (
        lambda: shop.server.call(
            "POST", "/api/token/", {"username": shop.staff, "password": PASSWORD}
        )
    ),
    "2, a registration": register,
    "3, a product": add_product,
    "4, a unit": lambda shop: lambda: shop.call("POST", f"/products/{shop.product}/add_to_order/"),
}


@pytest.mark.parametrize("name", WRITES)
def test_other_writes_report_an_unknown_outcome(proxied: Shop, name: str) -> None:
    send = WRITES[name](proxied)
    proxied.wire.lose(Loss.ANSWER)
    assert_unknown(send(), repeatable=False)


def test_an_unknown_refresh_at_contract_2_does_not_advise_a_repeat(
    proxied: Shop,
) -> None:
    given = {"username": proxied.staff, "password": PASSWORD}
    path = "/api/identity/token/"
    first = {"refresh": proxied.server.call("POST", path, given).body["refresh"]}
    proxied.wire.lose(Loss.ANSWER)
    assert_unknown(proxied.server.call("POST", f"{path}refresh/", first), repeatable=False)
    again = proxied.server.call("POST", f"{path}refresh/", first)
    assert (again.status, again.body["code"]) == (401, "token_not_valid")


def test_a_refresh_at_contract_2_whose_commit_did_not_arrive_can_be_repeated(proxied: Shop) -> None:
    given = {"username": proxied.staff, "password": PASSWORD}
    path = "/api/identity/token/"
    first = {"refresh": proxied.server.call("POST", path, given).body["refresh"]}
    proxied.wire.lose(Loss.DROPPED)
    assert_unknown(proxied.server.call("POST", f"{path}refresh/", first), repeatable=False)
    assert proxied.server.call("POST", f"{path}refresh/", first).status == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_unknown_account_change_does_not_advise_a_repeat(proxied: Shop, method: str) -> None:
    """Staff can change the same account, and these contracts take no `If-Match`."""
    me = proxied.call("GET", "me").body
    path = f"/api/identity/customers/{me['id']}/"
    body = {"username": me["username"], "first_name": secrets.token_hex(4)}
    for loss in (Loss.ANSWER, Loss.AFTER):
        proxied.wire.lose(loss)
        assert_unknown(proxied.call(method, path, body), repeatable=False)
        assert proxied.call("GET", "me").body["first_name"] == body["first_name"]
