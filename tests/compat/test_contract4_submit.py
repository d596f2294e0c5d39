"""Contract 4: submitting the open order."""

from collections.abc import Callable

import pytest

from tests.compat.conftest import ALL, ApiClient
from tests.compat.contract4 import add
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Server

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]


@pytest.fixture
def who(person: MakePerson) -> Person:
    """The customer."""
    return person()


@pytest.mark.system
def test_an_order_below_the_minimum_total_is_refused_with_a_message(
    who: Person, product: MakeProduct, transactional_db: None
) -> None:
    jam = product(stock=5, price="4.00")
    with Server(workers=1, environment={"COMPAT": ALL, "MIN_ORDER_TOTAL": "5"}) as server:
        client = ApiClient(server, f"Bearer {token_for(who)}")
        order = add(client, jam)
        reply = client("POST", f"/orders/{order}/submit/")
        sentence = "The Order's total of 4.00 is below the minimum of 5.00."
        assert (reply.status, reply.body) == (400, [sentence])
        add(client, jam)
        assert client("POST", f"/orders/{order}/submit/").status == 200
