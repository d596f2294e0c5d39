"""The connection to the database is lost during a commit: the answer is correct, in each API.

A proxy between the server and PostgreSQL loses the commit or its answer.
"""

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

import pytest

from larder.core.ids import new_id
from tests.server import Reply
from tests.system.faults.contracts import CONTRACTS, Contract, Send
from tests.system.faults.proxied_shop import ProxiedShop as Shop
from tests.system.faults.proxied_shop import assert_unknown
from tests.system.faults.shop import PASSWORD
from tools.wire import Loss

ANSWERED_WITHIN = 4.0
"""Seconds for an answer with the database away, on a busy machine."""


@pytest.fixture
def shop(proxied: Shop) -> Shop:
    return proxied


def with_key(shop: Shop) -> Send:
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    return lambda: shop.order(headers=headers)


def with_id(shop: Shop) -> Send:
    id = str(new_id())
    return lambda: shop.order(id=id)


ORDERS = {
    "v1": Contract(lambda shop: shop.order),
    "v1 with a key": Contract(with_key, repeatable=True),
    "v1 with an id": Contract(with_id, repeatable=True),
    **{f"contract {name}": contract for name, contract in CONTRACTS.items()},
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_an_order_whose_commit_arrived_is_answered_as_placed(shop: Shop, order: Contract) -> None:
    send, before = order.prepare(shop), shop.count()
    shop.wire.lose(Loss.ANSWER)
    reply = send()
    assert reply.status == order.status, reply.body
    assert "idempotency-replayed" not in reply.headers
    assert shop.count() == before + 1
    if order.repeatable:
        assert send().status == order.again
        assert shop.count() == before + 1


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_an_order_whose_commit_did_not_arrive_can_be_placed_again(
    shop: Shop, order: Contract
) -> None:
    send, before = order.prepare(shop), shop.count()
    shop.wire.lose(Loss.DROPPED)
    reply = send()
    assert (reply.status, reply.body["code"]) == (503, "database_unavailable"), reply.body
    assert shop.count() == before
    again = send()
    assert again.status == order.status
    assert "idempotency-replayed" not in again.headers
    assert shop.count() == before + 1


@pytest.mark.parametrize("loss", [Loss.ANSWER, pytest.param(Loss.DROPPED, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "name", ["v1 with a key", *(pytest.param(name, marks=pytest.mark.slow) for name in ORDERS)]
)
def test_the_outcome_of_an_order_is_unknown_if_the_database_is_lost(
    shop: Shop, name: str, loss: Loss
) -> None:
    order = ORDERS[name]
    send, before = order.prepare(shop), shop.count()
    shop.wire.lose(loss, away=3.2)
    began = monotonic()
    assert_unknown(send(), repeatable=order.repeatable)
    assert monotonic() - began < ANSWERED_WITHIN
    shop.wait_until_back()
    is_placed = loss is Loss.ANSWER
    assert shop.count() == before + is_placed
    if order.repeatable:
        assert send().status == (order.again if is_placed else order.status)
        assert shop.count() == before + 1


def test_the_server_waits_for_a_late_commit(shop: Shop) -> None:
    before = shop.count()
    shop.wire.lose(Loss.LATE, delay=1.0)
    began = monotonic()
    assert shop.order().status == 201
    assert monotonic() - began > 0.9
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
    placed = [reply for reply in replies if reply.status == 201]
    others = {reply.body["code"] for reply in replies if reply.status != 201}
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


# --- Everything else that writes -----------------------------------------------------------
ANSWER, AFTER = (Loss.ANSWER,), (Loss.AFTER,)
BOTH = ANSWER + AFTER
"""The answer to the commit is lost, or the connection at the statement after it."""

KEY, VERSION, ANY, ABSENT = "a key", "this version", "any version", "if absent"
TEA = {"name": "{new}", "price": "3.00", "description": ""}
ACCOUNT = {"username": "{new}", "password": PASSWORD}
STAFF = {"username": "{staff}", "password": PASSWORD}


@dataclass(frozen=True)
class Write:
    """A request of `who`, with a precondition or key in `headers`. `losses`: what is lost.
    `repeatable`: a repeat has no second effect and overwrites no change of others, so it is
    advised."""

    who: str
    method: str
    path: str
    body: Any = None
    headers: str = ""
    losses: tuple[Loss, ...] = ANSWER
    repeatable: bool = False

    def __str__(self) -> str:
        return f"{self.who}: {self.method} {self.path} {self.headers}"


WRITES = [
    Write("customer", "PUT", "cart/lines/{product}", {"quantity": 3}, "", BOTH, repeatable=True),
    Write("customer", "DELETE", "cart", repeatable=True),
    Write("customer", "PATCH", "me", {"first_name": "{new}"}, "", BOTH, repeatable=True),
    Write("customer", "POST", "me/addresses", {"label": "Home"}, KEY, BOTH, repeatable=True),
    Write("customer", "POST", "me/addresses", {"label": "Home"}, "", BOTH),
    Write("customer", "POST", "auth/keys", {}),
    Write("customer", "POST", "orders/{order}/cancel", {}, KEY, repeatable=True),
    Write("customer", "POST", "orders/{order}/cancel", {}, VERSION, repeatable=True),
    Write("customer", "POST", "orders/{order}/cancel", {}),
    # Staff can change the order in between.
    Write("customer", "PATCH", "orders/{order}", {"note": "Ring."}, VERSION, repeatable=True),
    Write("customer", "PATCH", "orders/{order}", {"note": "Ring."}),
    Write("staff", "PATCH", "products/{tea}", {"price": "4.00"}, VERSION, repeatable=True),
    Write("staff", "PATCH", "products/{tea}", {"price": "4.00"}, ANY),
    Write("staff", "PATCH", "products/{tea}", {"price": "4.00"}),
    Write("staff", "PUT", "products/by-sku/{sku}", TEA, VERSION, repeatable=True),
    Write("staff", "PUT", "products/by-sku/{sku}", TEA),
    Write("staff", "PUT", "products/by-sku/{new}", TEA, ABSENT, repeatable=True),
    Write("staff", "DELETE", "products/{tea}", None, VERSION, repeatable=True),
    Write("staff", "DELETE", "products/{tea}"),
    Write("staff", "PATCH", "categories/{category}", {"name": "{new}"}, VERSION, repeatable=True),
    Write("staff", "PATCH", "categories/{category}", {"name": "{new}"}),
    Write(
        "staff",
        "POST",
        "orders/{shipped}/return",
        {"reason": "Broken", "lines": [{"product": "{product}", "quantity": 1}]},
    ),
    # What the answers to these show cannot be read after the commit.
    Write(
        "staff",
        "POST",
        "stock/adjustments",
        {"reason": "counted", "lines": [{"product": "{product}", "counted": 2_000_000}]},
        losses=AFTER,
    ),
    Write("staff", "POST", "products", TEA | {"sku": "{new}", "quantity": 9}, losses=AFTER),
    Write("staff", "POST", "/api/catalog/products/", TEA | {"quantity": 9}, losses=AFTER),
    Write("staff", "POST", "/products/", TEA | {"quantity_in_stock": 9}, losses=AFTER),
    # A repeat would offer again what customers have bought since.
    Write("staff", "PUT", "/api/catalog/products/{tea}/", TEA | {"quantity": 10}),
    Write("staff", "PATCH", "/api/catalog/products/{tea}/", {"quantity": 10}, "", BOTH),
    Write("staff", "PUT", "/api/product/{tea}", TEA | {"stock": 10}),
    Write("staff", "PATCH", "/api/product/{tea}", {"stock": 10}, "", BOTH),
    Write("staff", "PUT", "/products/{tea}/", TEA | {"quantity_in_stock": 10}),
    Write("staff", "PATCH", "/products/{tea}/", {"quantity_in_stock": 10}, "", BOTH),
    # Staff can change the same account, and contract 2 takes no `If-Match`.
    Write("customer", "PUT", "/api/identity/customers/{me}/", {"username": "{me_name}"}, "", BOTH),
    Write("customer", "PATCH", "/api/identity/customers/{me}/", {"first_name": "A"}, "", BOTH),
    Write("nobody", "POST", "auth/register", ACCOUNT),
    Write("nobody", "POST", "auth/token", STAFF, repeatable=True),
    Write("nobody", "POST", "/auth/", STAFF),
    Write("nobody", "POST", "/api/token/", STAFF),
    Write(
        "nobody",
        "POST",
        "/api/identity/register/",
        ACCOUNT | {"email": "{new}@example.com", "password2": PASSWORD},
    ),
    Write("staff", "POST", "/api/product/", {"name": "{new}", "price": 3}),
    Write("customer", "POST", "/products/{product}/add_to_order/"),
]


class Names(dict[str, Any]):
    """What stands for the names in a path or body; each is made when it is asked for. `etag` is of
    what was made last."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(product=shop.product, staff=shop.staff, new=secrets.token_hex(6))
        self.shop, self.etag = shop, ""

    def __missing__(self, name: str) -> Any:
        if name in {"tea", "sku"}:
            tea = {"sku": secrets.token_hex(4), "name": secrets.token_hex(4), "price": "3.00"}
            added = self.staff("POST", "products", tea | {"quantity": 4})
            self.update(tea=added.body["id"], sku=added.body["sku"])
            self.etag = self.staff("GET", f"products/{added.body['id']}").headers["etag"]
        elif name == "category":
            added = self.staff("POST", "categories", {"name": secrets.token_hex(4)})
            self["category"], self.etag = added.body["id"], added.headers["etag"]
        elif name in {"me", "me_name"}:
            me = self.shop.call("GET", "me").body
            self.update(me=me["id"], me_name=me["username"])
        else:
            placed = self.shop.order()
            self[name], self.etag = placed.body["id"], placed.headers["etag"]
            for move in ("pack", "ship") if name == "shipped" else ():
                self.staff("POST", f"orders/{self[name]}/{move}", {})
        return self[name]

    def staff(self, method: str, path: str, body: Any = None) -> Reply:
        """Send a request of staff that has to succeed."""
        reply = self.shop.server.call(method, path, body, token=self.shop.staff_token)
        assert reply.status < 300, reply.body
        return reply

    def fill(self, value: Any) -> Any:
        """Return the value with all names replaced."""
        if isinstance(value, dict):
            return {key: self.fill(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.fill(each) for each in value]
        if value == "{product}":
            return self["product"]
        return value.format_map(self) if isinstance(value, str) else value


@pytest.mark.parametrize("write", WRITES, ids=str)
def test_a_repeat_of_an_unknown_write_is_advised_only_where_it_does_no_harm(
    shop: Shop, write: Write
) -> None:
    for loss in write.losses:
        names = Names(shop)
        path, body = names.fill(write.path), names.fill(write.body)
        headers = {
            KEY: {"Idempotency-Key": secrets.token_hex(8)},
            VERSION: {"If-Match": names.etag},
            ANY: {"If-Match": "*"},
            ABSENT: {"If-None-Match": "*"},
        }.get(write.headers, {})
        token = {"customer": shop.token, "staff": shop.staff_token, "nobody": None}[write.who]
        send = partial(shop.server.call, write.method, path, body, token=token, headers=headers)
        shop.wire.lose(loss)
        reply = send()
        assert_unknown(reply, repeatable=write.repeatable)
        if loss is Loss.AFTER:
            assert "after a commit" in reply.body["detail"]
        if write.repeatable and write.headers in ("", KEY):
            assert send().status < 300


def test_an_unknown_refresh_at_contract_2_does_not_advise_a_repeat(shop: Shop) -> None:
    path = "/api/identity/token/"
    account = {"username": shop.staff, "password": PASSWORD}
    for loss, again in ((Loss.ANSWER, 401), (Loss.DROPPED, 200)):
        refresh = {"refresh": shop.server.call("POST", path, account).body["refresh"]}
        shop.wire.lose(loss)
        assert_unknown(shop.server.call("POST", f"{path}refresh/", refresh), repeatable=False)
        assert shop.server.call("POST", f"{path}refresh/", refresh).status == again


def test_a_read_has_no_unknown_outcome(shop: Shop) -> None:
    shop.wire.cut()
    assert shop.call("GET", "orders").status == 200


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
