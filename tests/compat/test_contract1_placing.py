"""Contract 1: placing an order under an id from the client, once for any number of requests."""

from collections.abc import Callable
from uuid import uuid4

from larder.core.clock import now
from larder.inventory.models import Stock
from larder.orders.services.cart import ensure_cart
from tests.compat.conftest import ApiClient
from tests.conftest import Person

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
ClientOf = Callable[[Person], ApiClient]


def left(product: int) -> int:
    return int(Stock.objects.get(product_id=product).available)


def at(id: object) -> str:
    return f"/api/orders/{id}/"


def test_the_id_of_a_draft_cannot_be_reused(
    person: MakePerson, client_of: ClientOf, product: MakeProduct
) -> None:
    who = person()
    draft = ensure_cart(who.id, now=now())
    body = {"products": [{"id": product(), "quantity": 1}]}
    for customer in (who, person()):
        assert client_of(customer)("POST", at(draft), body).status == 404
        assert client_of(customer)("GET", at(draft)).status == 404


def test_an_order_may_have_a_thousand_lines(shopper: ApiClient, product: MakeProduct) -> None:
    jam = product(stock=2_000)
    answer = shopper("POST", at(uuid4()), {"products": [{"id": jam, "quantity": 1}] * 1_000})
    assert (answer.status, left(jam)) == (201, 1_000)
