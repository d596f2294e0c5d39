"""Equal keys, ids and carts within a batch and in several batches.

The tests call the service, because HTTP has no batches. The guards are the order in which claims
are written and carts are locked, and that equal requests of a batch are placed in separate
transactions.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from random import Random
from typing import Any

import pytest

from larder.core.ids import new_id
from larder.orders.decision import RequestedLine
from larder.orders.services.placing.placement import ExpectedCart, Placed, Placement
from tests.conftest import Person
from tests.orders.placing import place_orders
from tests.system.race.books import assert_agree, shelf
from tests.system.race.phones import Phone
from tests.system.race.shops import GBP, ServiceShop, at_once

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]

pytestmark = pytest.mark.django_db(transaction=True)


def placement(who: Person, jam: int, **named: Any) -> Placement:
    """One unit, with a key or an id."""
    return Placement(
        customer=who.id,
        actor=who.customer.public_id,
        lines=[RequestedLine(jam, 1)],
        operation="POST /api/v1/orders",
        **named,
    )


def send(
    groups: Sequence[Sequence[Placement]], now: datetime
) -> dict[object, list[Placed | Exception]]:
    """Places all groups at once. Returns the answers by the key, id or customer."""

    def place(group: Sequence[Placement]) -> Sequence[Placed | Exception]:
        return place_orders(group, terms=GBP, now=now)

    answers: dict[object, list[Placed | Exception]] = {}
    for group, own in zip(
        groups, at_once(ServiceShop(), [partial(place, group) for group in groups]), strict=True
    ):
        for asked, answer in zip(group, own, strict=True):
            answers.setdefault(asked.key or asked.order_id or asked.customer, []).append(answer)
    return answers


def check_each_is_placed_once(answers: dict[object, list[Placed | Exception]]) -> None:
    """Each key or id made one order, and all its requests got that one."""
    for equal in answers.values():
        placed = [answer for answer in equal if isinstance(answer, Placed)]
        assert len(placed) == len(equal), equal
        assert len({answer.order.id for answer in placed}) == 1
        assert [answer.replayed for answer in placed].count(False) == 1


def test_many_batches_with_shuffled_keys_place_each_order_once(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, chance = person(), product(stock=10_000), Random(3)  # noqa: S311
    for part in range(3):
        named = [placement(who, jam, key=f"key-{part}-{number}") for number in range(300)]
        check_each_is_placed_once(send([chance.sample(named, k=300) for _ in range(4)], now))
    assert shelf(jam).sold == 900
    assert_agree([jam])


@pytest.mark.parametrize("named", ["key", "id"])
@pytest.mark.parametrize("batches", [1, 8])
def test_equal_keys_or_ids_within_and_across_batches_place_one_order(
    batches: int, named: str, person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    """Three equal placements in a batch, and a stranger between them."""
    who, jam = person(), product()
    name = {"key": "twin"} if named == "key" else {"order_id": new_id()}
    twin, stranger = placement(who, jam, **name), placement(who, jam, key="stranger")
    group = [twin, stranger, twin, twin]
    check_each_is_placed_once(send([group[:: -1 if n % 2 else 1] for n in range(batches)], now))
    assert shelf(jam).sold == 2
    assert_agree([jam])


def test_batches_with_crossing_carts_place_each_once(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    """Each cart has all products, every other one the wrong way round, as have the batches."""
    products = [product(stock=99) for _ in range(4)]
    for _ in range(3):
        placements = []
        for number in range(6):
            who = person()
            for each in products[:: -1 if number % 2 else 1]:
                Phone(who, now).add(each)
            actor = who.customer.public_id
            placements.append(
                Placement(customer=who.id, actor=actor, lines=[], cart=ExpectedCart())
            )
        answers = send([placements[:: -1 if number % 2 else 1] for number in range(6)], now)
        for equal in answers.values():
            refused = [answer for answer in equal if not isinstance(answer, Placed)]
            assert len(refused) == 5, equal
            assert {getattr(answer, "code", str(answer)) for answer in refused} == {"cart_empty"}
    assert_agree(products)
