"""An order that is abandoned while it is placed is either placed or abandoned, and both clients get
the same result.
"""

from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest

from larder.core.clock import now
from larder.identity.caller import Caller
from larder.orders.queries import OrderView
from larder.orders.services.abandon import abandon_id, abandon_key
from larder.orders.services.placing.placement import ExpectedCart
from tests.conftest import Person
from tests.system.race.books import assert_agree, shelf
from tests.system.race.phones import Phone, codes
from tests.system.race.shops import OK, Answer, ServiceShop, answered, at_once

MakeProduct = Callable[..., int]
SIX = 6

pytestmark = pytest.mark.django_db(transaction=True)


def abandoning(who: Person, find: Callable[..., OrderView | None]) -> Answer:
    """Abandons an order as this customer. The content is the order's id, None where it never will
    be placed."""
    caller = Caller(who.id, who.customer.public_id, is_staff=False, session=None)

    def call() -> Answer:
        order = find(who=caller, now=now())
        return Answer(OK, order and order.id)

    return answered(call)


def check_one_or_the_other(
    jam: int, place: Callable[[], Answer], abandon: Callable[[], Answer]
) -> None:
    """Places and abandons an order of two units at once: all agree, and the units were taken once
    or never."""
    answers = at_once(ServiceShop(), [place, abandon] * SIX)
    placed, abandoned = answers[::2], answers[1::2]
    ((code, order),) = {(answer.code, answer.content) for answer in abandoned}
    assert code == OK
    if order is None:
        assert codes(placed).keys() <= {"order_abandoned", "precondition_failed"}
    else:
        assert codes(placed).keys() <= {OK, "precondition_failed"}
    assert shelf(jam).sold == (0 if order is None else 2)
    assert_agree([jam])


@pytest.mark.parametrize("name", ["id", "key"])
def test_an_order_is_placed_or_abandoned(
    name: str, person: Callable[..., Person], product: MakeProduct
) -> None:
    for _ in range(3):
        who, id, jam = person(), uuid4(), product(stock=50)
        place = partial(ServiceShop().place, who, [(jam, 2)])
        if name == "id":
            place, find = partial(place, id=id), partial(abandon_id, id)
        else:
            place, find = partial(place, key=str(id)), partial(abandon_key, str(id))
        check_one_or_the_other(jam, place, partial(abandoning, who, find))


def test_a_cart_is_submitted_or_gets_another_id(
    phone: Callable[[], Phone], product: MakeProduct
) -> None:
    for _ in range(3):
        customer, jam = phone(), product(stock=50)
        customer.put((jam, 2))
        seen = customer.seen()
        assert seen.id is not None
        submit = partial(customer.submit, shown=ExpectedCart(seen))
        abandon = partial(abandoning, customer.who, partial(abandon_id, seen.id))
        check_one_or_the_other(jam, submit, abandon)
        assert customer.units() == ({} if shelf(jam).sold else {jam: 2})
