"""An abandoned order was placed before, or no later request can place it."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from larder.db import database as tables
from larder.ops.books.invariants import check
from tests import database
from tests.conftest import Person
from tests.server import Reply, Server

pytestmark = pytest.mark.system

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[Server]:
    """One server for all tests; the tables are emptied under it after each test."""
    with Server(workers=2, environment={"COMPAT": "1"}) as running:
        yield running


@pytest.fixture
def jam(transactional_db: None, product: MakeProduct) -> int:
    return product(stock=10)


class App:
    """A customer's app."""

    def __init__(self, server: Server, who: Person) -> None:
        self.server, self.who = server, who
        self.token = server.token(who.customer.username, who.password)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.server.call(method, path, body, token=self.token, headers=sent)

    def order(self, jam: int, quantity: int = 1, id: str | None = None, **headers: str) -> Reply:
        """Places an order; `id` is the one that the app chose."""
        body = {"lines": [{"product": jam, "quantity": quantity}], **({"id": id} if id else {})}
        return self("POST", "orders", body, **headers)

    def abandon(self, **what: str) -> Reply:
        return self("POST", "orders/abandon", what)


@pytest.fixture
def app(server: Server, transactional_db: None, person: MakePerson) -> Iterator[App]:
    yield App(server, person())
    # A connection that waited for the next test might be closed by the server before.
    server.hang_up()
    assert not check().violated


def is_code(reply: Reply, status: int, code: str) -> bool:
    """Returns whether the reply is this problem."""
    return (reply.status, reply.body["code"]) == (status, code)


ABANDONED = {"outcome": "abandoned"}


def test_a_delayed_request_is_refused_after_its_order_was_abandoned(app: App, jam: int) -> None:
    id = str(uuid4())
    # Try 1 is delayed; try 2 is refused; the app says that nothing was ordered.
    assert is_code(app.order(jam, 11, id), 409, "insufficient_stock")
    assert app.abandon(id=id).body == ABANDONED
    tables.execute("UPDATE stock SET available = 20 WHERE product_id = %s", [jam])
    late = app.order(jam, 11, id)
    tables.execute("UPDATE stock SET available = 10 WHERE product_id = %s", [jam])
    assert is_code(late, 409, "order_abandoned")
    assert is_code(app("GET", f"orders/{id}"), 404, "not_found")
    assert app.abandon(id=id).body == ABANDONED


def test_an_abandoned_id_and_key_are_refused_after_other_orders(app: App, jam: int) -> None:
    id = str(uuid4())
    assert [app.order(jam).status for _ in range(4)] == [201] * 4
    assert app.abandon(id=id).body == ABANDONED
    assert app.abandon(idempotency_key="k").body == ABANDONED
    for _ in range(4):
        assert is_code(app.order(jam, 1, id), 409, "order_abandoned")
        assert is_code(app.order(jam, Idempotency_Key="k"), 409, "order_abandoned")
    assert app.order(jam, Idempotency_Key="l").status == 201


def test_abandoning_a_placed_order_returns_it_unchanged(app: App, jam: int) -> None:
    id = str(uuid4())
    placed = app.order(jam, 2, id, Idempotency_Key="k")
    for what in ({"id": id}, {"idempotency_key": "k"}):
        assert app.abandon(**what).body == {"outcome": "placed", "order": placed.body}
    assert app.order(jam, 2, id, Idempotency_Key="k").headers["idempotency-replayed"] == "true"
    # The id that the shop gave to an order is known as well.
    other = app.order(jam).body
    assert app.abandon(id=other["id"]).body == {"outcome": "placed", "order": other}
    assert len(app("GET", "orders").body["results"]) == 2


def test_a_key_is_abandoned_for_both_operations_that_place_orders(app: App, jam: int) -> None:
    app("PUT", f"cart/lines/{jam}", {"quantity": 2})
    assert app.abandon(idempotency_key="k").body == ABANDONED
    assert is_code(app("POST", "cart/submit", {}, Idempotency_Key="k"), 409, "order_abandoned")
    assert is_code(app.order(jam, Idempotency_Key="k"), 409, "order_abandoned")
    placed = app("POST", "cart/submit", {}, Idempotency_Key="l")
    assert placed.status == 201
    answers = app.abandon(idempotency_key="l")
    assert answers.body == {"outcome": "placed", "order": placed.body}
    second = app.order(jam, Idempotency_Key="l")
    assert second.status == 201
    # Both operations have placed an order with this key: the answer is the later one.
    assert app.abandon(idempotency_key="l").body["order"] == second.body


def test_abandoning_the_id_of_a_cart_gives_it_a_new_id_and_keeps_its_lines(
    app: App, jam: int
) -> None:
    before = app("PUT", f"cart/lines/{jam}", {"quantity": 2})
    assert app.abandon(id=before.body["id"]).body == ABANDONED
    after = app("GET", "cart")
    assert after.body["id"] != before.body["id"]
    assert after.body["lines"] == before.body["lines"]
    assert after.headers["etag"] != before.headers["etag"]
    late = app("POST", "cart/submit", {}, If_Match=before.headers["etag"])
    assert is_code(late, 412, "precondition_failed")
    assert app.abandon(id=before.body["id"]).body == ABANDONED
    assert app("GET", "cart").body == after.body
    placed = app("POST", "cart/submit", {}, If_Match=after.headers["etag"])
    assert (placed.status, placed.body["id"]) == (201, after.body["id"])
    assert app.abandon(id=after.body["id"]).body["order"] == placed.body


def test_abandoning_the_id_of_a_cart_changes_its_number_in_contract_4(app: App, jam: int) -> None:
    app("PUT", f"cart/lines/{jam}", {"quantity": 2})
    ((before,),) = tables.rows("SELECT number FROM cart")
    app.abandon(id=app("GET", "cart").body["id"])
    ((after,),) = tables.rows("SELECT number FROM cart")
    assert after > before


def test_contract_1_refuses_an_abandoned_id(server: Server, app: App, jam: int) -> None:
    id, body = str(uuid4()), {"products": [{"id": jam, "quantity": 1}]}
    credentials = {"username": app.who.customer.username, "password": app.who.password}
    token = server.call("POST", "/api/token/", credentials).body["access"]
    assert app.abandon(id=id).body == ABANDONED
    refused = server.call("POST", f"/api/orders/{id}/", body, token=token)
    assert (refused.status, list(refused.body)) == (409, ["detail"])
    assert server.call("GET", f"/api/orders/{id}/", token=token).status == 404
    placed = server.call("POST", f"/api/orders/{uuid4()}/", body, token=token)
    assert placed.status == 201
    assert app.abandon(id=placed.body["id"]).body["order"]["id"] == placed.body["id"]


def test_orders_and_carts_of_another_customer_are_not_found(
    server: Server, person: MakePerson, app: App, jam: int
) -> None:
    other = App(server, person())
    theirs = [other.order(jam, 1, str(uuid4())).body["id"], other.order(jam).body["id"]]
    theirs.append(other("PUT", f"cart/lines/{jam}", {"quantity": 2}).body["id"])
    cart = other("GET", "cart").body
    theirs.append(str(uuid4()))
    assert other.abandon(id=theirs[-1]).body == ABANDONED
    for id in theirs:
        assert is_code(app.abandon(id=id), 404, "not_found")
        assert is_code(app.order(jam, 1, id), 404, "not_found")
    assert other("GET", "cart").body == cart
    # A key belongs to its caller.
    assert other.order(jam, Idempotency_Key="k").status == 201
    assert app.abandon(idempotency_key="k").body == ABANDONED
    assert other.order(jam, Idempotency_Key="k").status == 201


def test_staff_abandon_a_telephone_order_with_their_key(
    server: Server, person: MakePerson, app: App, jam: int
) -> None:
    staff = App(server, person(is_staff=True))
    body = {"lines": [{"product": jam, "quantity": 1}], "customer": app.who.id}
    assert staff.abandon(idempotency_key="k").body == ABANDONED
    assert is_code(staff("POST", "orders", body, Idempotency_Key="k"), 409, "order_abandoned")
    placed = staff("POST", "orders", body, Idempotency_Key="l").body
    assert staff.abandon(idempotency_key="l").body["order"] == placed
    assert staff.abandon(id=placed["id"]).body["order"] == placed
    assert app.abandon(id=placed["id"]).body["order"] == placed


def test_a_former_member_of_staff_does_not_see_a_telephone_order(
    server: Server, person: MakePerson, app: App, jam: int
) -> None:
    former = person(is_staff=True)
    staff = App(server, former)
    body = {"lines": [{"product": jam, "quantity": 1}], "customer": app.who.id}
    assert staff("POST", "orders", body, Idempotency_Key="k").status == 201
    tables.execute("UPDATE identity.customer SET is_staff = false WHERE id = %s", [former.id])
    assert is_code(App(server, former).abandon(idempotency_key="k"), 404, "not_found")


def test_a_request_names_an_id_or_a_key(app: App) -> None:
    faulty: list[Any] = [
        *({}, {"id": str(uuid4()), "idempotency_key": "k"}),
        *({"id": "k"}, {"idempotency_key": ""}, {"idempotency_key": "a b"}, {"id": None}),
    ]
    for body in faulty:
        assert is_code(app("POST", "orders/abandon", body), 400, "validation_error")
    assert app("POST", "orders/abandon", {"idempotency_key": "k", "x": 1}).status == 400


def test_abandoned_ids_and_keys_are_stored_permanently(app: App) -> None:
    assert app.abandon(id=str(uuid4())).body == ABANDONED
    assert app.abandon(idempotency_key="k").body == ABANDONED
    stored = tables.rows("SELECT operation, expires_at FROM idempotency_key ORDER BY operation")
    operations = ("POST /api/v1/cart/submit", "POST /api/v1/orders", "order-id")
    assert stored == [(operation, None) for operation in operations]


def test_abandoning_waits_for_a_running_request_and_reports_busy_after_the_timeout(
    app: App, jam: int
) -> None:
    id = str(uuid4())
    with psycopg.connect(database.superuser_url()) as other:
        other.execute(
            "INSERT INTO common.idempotency_key (actor, operation, key, fingerprint, created_at)"
            " VALUES ('00000000-0000-0000-0000-000000000000', 'order-id', %s, '', now())",
            [id],
        )
        waited = app.abandon(id=id)
        other.rollback()
    assert waited.status == 503
    assert "retry-after" in waited.headers
    assert app.abandon(id=id).body == ABANDONED
