"""Equal keys and ids within a batch and in several batches.

The tests call the service, because HTTP has no batches. The guards are the order in which claims
are written, and that equal requests of a batch are placed in separate transactions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from random import Random

import pytest
from msgspec import structs

from larder.core.errors import DomainError
from larder.core.ids import new_id
from larder.orders.decision import Wanted
from larder.orders.services.placing.placement import Placed, Placement
from tests.conftest import Person
from tests.orders.placing import place_orders
from tests.system.race.books import assert_agree, orders_of
from tests.system.race.shops import GBP, ServiceShop, at_once

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
Outcome = Placed | DomainError | str


@dataclass
class Groups:
    """The placements that were sent in groups, and the answers, all by their keys."""

    product: int
    keys: set[str]
    answers: dict[str, list[Outcome]]
    orders: int

    @property
    def broken_off(self) -> list[str]:
        """Groups that ended in an error of the database."""
        return [
            one
            for answers_of_one in self.answers.values()
            for one in answers_of_one
            if isinstance(one, str)
        ]


def order_of(who: Person, jam: int, key: str, now: datetime) -> Placement:
    """One unit under a key."""
    return Placement(
        customer=who.id,
        actor=who.customer.public_id,
        lines=[Wanted(jam, 1)],
        key=key,
        operation="POST /api/v1/orders",
    )


def send(groups: Sequence[Sequence[Placement]], jam: int, now: datetime) -> Groups:
    """All groups at once."""

    def place(group: Sequence[Placement]) -> Sequence[Outcome]:
        answers = place_orders(group, terms=GBP, now=now)
        # A deadlock, say, is an outcome of the race.
        return [
            one if isinstance(one, Placed | DomainError) else f"{type(one).__name__}: {one}"
            for one in answers
        ]

    answers_of_one = at_once(ServiceShop(), [partial(place, group) for group in groups])
    answers: dict[str, list[Outcome]] = {}
    for group, own in zip(groups, answers_of_one, strict=True):
        for asked, answer in zip(group, own, strict=True):
            answers.setdefault(str(asked.key or asked.order_id), []).append(answer)
    return Groups(jam, set(answers), answers, orders_of(jam))


def check(outcome: Groups) -> None:
    """Each key made one order, and all its requests got that one."""
    assert outcome.broken_off == []
    for answers_of_one in outcome.answers.values():
        placed = [one for one in answers_of_one if isinstance(one, Placed)]
        assert len(placed) == len(answers_of_one), answers_of_one
        assert len({one.order.id for one in placed}) == 1
        assert [one.replayed for one in placed].count(False) == 1
    assert outcome.orders == len(outcome.keys)
    assert_agree([outcome.product])


def cross(who: Person, jam: int, now: datetime, *, keys: int, groups: int) -> Groups:
    """Groups of the same keys, every other one the wrong way round."""
    named = [order_of(who, jam, f"{new_id()}", now) for _ in range(keys)]
    return send([named[:: -1 if number % 2 else 1] for number in range(groups)], jam, now)


def test_two_batches_with_crossing_keys_place_each_order_once(
    transactional_db: None, person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product(stock=1000)
    for _ in range(10):
        outcome = cross(who, jam, now, keys=2, groups=2)
        check(replace(outcome, orders=len(outcome.keys)))
    assert orders_of(jam) == 20


def test_many_batches_with_shuffled_keys_place_each_order_once(
    transactional_db: None, person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, chance = person(), product(stock=10_000), Random(3)  # noqa: S311
    for part in range(3):
        named = [order_of(who, jam, f"key-{part}-{number}", now) for number in range(300)]
        outcome = send([chance.sample(named, k=len(named)) for _ in range(4)], jam, now)
        check(replace(outcome, orders=len(outcome.keys)))
    assert orders_of(jam) == 900


def twins(who: Person, jam: int, now: datetime, *, named: str) -> list[Placement]:
    """Three equal placements, and a stranger between them."""
    one = order_of(who, jam, "twin", now)
    if named == "id":
        one = structs.replace(one, key=None, order_id=new_id())
    return [one, order_of(who, jam, "stranger", now), one, one]


@pytest.mark.parametrize("named", ["key", "id"])
def test_equal_keys_or_ids_within_a_batch_place_one_order(
    named: str, transactional_db: None, person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product()
    check(send([twins(who, jam, now, named=named)], jam, now))


@pytest.mark.parametrize("named", ["key", "id"])
def test_equal_keys_or_ids_within_and_across_batches_place_one_order(
    named: str, transactional_db: None, person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product()
    group = twins(who, jam, now, named=named)
    check(send([group, group[::-1]] * 4, jam, now))
