"""Contract 2: customers, for staff and for themselves."""

from collections.abc import Callable

import pytest

from tests.compat.conftest import ApiClient
from tests.conftest import Person

pytestmark = pytest.mark.system

CUSTOMERS = "/api/identity/customers/"
MakePerson = Callable[..., Person]


@pytest.fixture
def mary(transactional_db: None, person: MakePerson) -> Person:
    return person("mary", email="mary@example.org", first_name="Mary", last_name="Hill")


@pytest.fixture
def shopper(mary: Person, client_of: Callable[[Person], ApiClient]) -> ApiClient:
    """A client as Mary."""
    return client_of(mary)


def at(who: Person) -> str:
    return f"{CUSTOMERS}{who.id}/"


def test_deleting_an_account_keeps_its_orders_and_ends_its_tokens(
    shopper: ApiClient, keeper: ApiClient, mary: Person, product: Callable[..., int]
) -> None:
    jam = product(stock=5)
    public_id = shopper("GET", f"/api/catalog/products/{jam}/").body["public_id"]
    placed = shopper("POST", "/api/orders/orders/", {"order_items": [{"product": public_id}]})
    assert placed.status == 201
    reply = shopper("DELETE", at(mary))
    assert (reply.status, reply.body) == (204, b"")
    assert shopper("GET", at(mary)).status == 401
    assert keeper("GET", at(mary)).status == 404
    assert keeper("DELETE", at(mary)).status == 404
    assert keeper("GET", CUSTOMERS).body["count"] == 1
    order = keeper("GET", f"/api/v1/orders/{placed.body['public_id']}")
    assert order.status == 200
