"""An order that is abandoned while it is placed is either placed or abandoned, and both clients get
the same result.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from larder.core.clock import now
from larder.identity.caller import Caller
from larder.ops.books.invariants import check
from larder.orders.queries import OrderView
from larder.orders.services.abandon import Abandonment, abandon_id, abandon_key
from larder.orders.services.placing.placement import ExpectedCart
from tests.conftest import Person
from tests.system.race.books import assert_agree, shelf
from tests.system.race.phones import Phone, codes
from tests.system.race.shops import OK, Answer, ServiceShop, answered, at_once

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
SIX = 6
CLAIM = "INSERT INTO idempotency_key"

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Outcome:
    """What was answered to those that placed one order, and to those that abandoned it: the
    content of the latter is the order's id, None where it never will be placed."""

    jam: int
    placed: list[Answer]
    abandoned: list[Answer]

    @property
    def is_both(self) -> bool:
        """Whether an order was placed and is said never to be."""
        said = any(one.code == OK and one.content is None for one in self.abandoned)
        return said and shelf(self.jam).sold > 0


def check_one_or_the_other(outcome: Outcome) -> None:
    """All agree, and the units were taken once or never."""
    reported = {(one.code, one.content) for one in outcome.abandoned}
    assert len(reported) == 1
    ((code, content),) = reported
    assert code == OK
    if content is None:
        assert codes(outcome.placed).keys() <= {"order_abandoned"}
    else:
        assert codes(outcome.placed).keys() <= {OK, "precondition_failed"}
    assert shelf(outcome.jam).sold == (0 if content is None else 2)
    assert_agree([outcome.jam])


def abandoning(who: Person, find: Callable[[Abandonment], OrderView | None]) -> Answer:
    """Abandons an order as this customer."""
    caller = Caller(who.id, who.customer.public_id, is_staff=False, session=None)

    def call() -> Answer:
        found = find(Abandonment(who=caller, now=now()))
        return Answer(OK, found and found.id)

    return answered(call)


def race(person: MakePerson, jam: int, name: str) -> Outcome:
    """Requests of one id or key, half of them to place the order and half to abandon it."""
    shop, (who, chosen, find) = ServiceShop(), _order(person, name)
    tasks = [partial(shop.place, who, [(jam, 2)], **chosen), partial(abandoning, who, find)]
    answers = at_once(shop, tasks * SIX)
    return Outcome(jam, answers[::2], answers[1::2])


def _order(
    person: MakePerson, name: str
) -> tuple[Person, dict[str, Any], Callable[[Abandonment], OrderView | None]]:
    """A customer, the id or key of an order, and what abandons it."""
    who, id = person(), uuid4()
    if name == "id":
        return who, {"id": id}, partial(abandon_id, id)
    return who, {"key": str(id)}, partial(abandon_key, str(id))


@pytest.mark.parametrize("name", ["id", "key"])
def test_an_order_is_placed_or_abandoned(
    name: str, person: MakePerson, product: MakeProduct
) -> None:
    for _ in range(3):
        check_one_or_the_other(race(person, product(stock=50), name))
    assert not check().violated


def race_for_a_cart(phone: Phone, jam: int) -> Outcome:
    """Requests that submit the cart that was seen, and that abandon its id."""
    phone.put((jam, 2))
    seen = phone.seen()
    assert seen.id is not None
    submit = partial(phone.submit, shown=ExpectedCart(seen))
    abandon = partial(abandoning, phone.who, partial(abandon_id, seen.id))
    answers = at_once(ServiceShop(), [submit, abandon] * SIX)
    return Outcome(jam, answers[::2], answers[1::2])


def test_a_cart_is_submitted_or_gets_another_id(
    phone: Callable[[], Phone], product: MakeProduct
) -> None:
    for _ in range(3):
        customer, jam = phone(), product(stock=50)
        check_one_or_the_other(race_for_a_cart(customer, jam))
        assert customer.units() == ({} if shelf(jam).sold else {jam: 2})
    assert not check().violated
