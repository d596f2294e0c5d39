"""Transactions lock the same rows in one order, so there is no deadlock.

Tested are orders and changes of orders that share products, with lines in any order, and changes
of rights, which lock accounts in the order of their ids and then the advisory lock of rights.
"""

from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID

import pytest

from larder.core.clock import now
from larder.identity.models import Customer
from larder.identity.services import accounts
from tests.conftest import Person
from tests.system.race.books import assert_agree, shelf
from tests.system.race.interleaving import Race, assert_held
from tests.system.race.shops import OK, Answer, ServiceShop, at_once

STOCK = 1000


def units(products: Sequence[int]) -> list[tuple[int, int]]:
    """Lines of a unit of each product."""
    return [(product, 1) for product in products]


def test_orders_with_opposite_lines_do_not_deadlock(
    shop: ServiceShop, people: list[Person], product: Callable[..., int]
) -> None:
    """Half of the buyers name the products upwards, half downwards, several orders each."""
    products = [product(stock=STOCK) for _ in range(5)]

    def buyer(number: int) -> list[Answer]:
        lines = units(products[:: -1 if number % 2 else 1])
        return [shop.place(people[number % 3], lines) for _ in range(20)]

    answers = at_once(shop, [partial(buyer, number) for number in range(12)])
    assert {answer.code for own in answers for answer in own} == {OK}
    assert_agree(products)
    assert {shelf(each).available for each in products} == {STOCK - 12 * 20}


def test_changes_of_orders_do_not_deadlock_with_orders(
    shop: ServiceShop, people: list[Person], product: Callable[..., int]
) -> None:
    """Orders of the lower half of the products become orders of the upper half and back, others
    the other way round, named upwards and downwards; others again are placed, of all of them."""
    products = [product(stock=STOCK) for _ in range(6)]
    halves = products[:3], products[3:]

    def changer(number: int, order: UUID) -> list[Answer]:
        step = -1 if number % 4 > 1 else 1
        to = [halves[(number + 1 + turn) % 2][::step] for turn in range(8)]
        return [shop.change(people[number % 3], order, units(half)) for half in to]

    def buyer(number: int) -> list[Answer]:
        lines = units(products[:: -1 if number % 2 else 1])
        return [shop.place(people[number % 3], lines) for _ in range(8)]

    orders = [
        shop.place(people[number % 3], units(halves[number % 2])).content.id for number in range(8)
    ]
    changes = [partial(changer, number, order) for number, order in enumerate(orders)]
    answers = at_once(shop, [*changes, *(partial(buyer, number) for number in range(4))])
    assert {answer.code for own in answers for answer in own} == {OK}
    assert_agree(products)
    assert {shelf(each).available for each in products} == {STOCK - 4 - 4 * 8}


ACCOUNTS_LOCK = 'SELECT "customer"."id" AS "pk" FROM'
RIGHTS_LOCK = "pg_advisory_xact_lock(6, 1)"


def rename(actor: Person, account: Person) -> None:
    """A change of an account by staff."""
    accounts.update_account(account.id, {"first_name": "X"}, actor=actor.caller, now=now())


def delete(account: Person, *, by_itself: bool) -> None:
    """The deletion of an account, by its owner or by a command."""
    caller = account.caller if by_itself else None
    accounts.delete_account(account.id, caller=caller, now=now())


def deletion_and_change(person: Callable[..., Person], *, by_itself: bool) -> Race:
    """An owner changes an account of staff while it is deleted."""
    owner, leaver = (person(is_staff=True, role="owner") for _ in range(2))
    return Race(
        partial(delete, leaver, by_itself=by_itself),
        partial(rename, owner, leaver),
        RIGHTS_LOCK,
        lambda outcome: outcome.codes == (OK, "not_found"),
    )


def change_and_deletion(person: Callable[..., Person], *, by_itself: bool) -> Race:
    """An account of staff is deleted while an owner changes it."""
    owner, leaver = (person(is_staff=True, role="owner") for _ in range(2))
    return Race(
        partial(rename, owner, leaver),
        partial(delete, leaver, by_itself=by_itself),
        RIGHTS_LOCK,
        lambda outcome: (
            outcome.codes == (OK, OK) and not Customer.objects.get(pk=leaver.id).is_active
        ),
    )


@pytest.mark.parametrize("by_itself", [True, False])
@pytest.mark.parametrize("race", [deletion_and_change, change_and_deletion])
def test_concurrent_change_and_deletion_of_staff_do_not_deadlock(
    race: Callable[..., Race],
    by_itself: bool,
    person: Callable[..., Person],
    transactional_db: None,
) -> None:
    assert_held(race(person, by_itself=by_itself))


def test_two_owners_who_change_each_other_do_not_deadlock(
    person: Callable[..., Person], transactional_db: None
) -> None:
    first, other = (person(is_staff=True, role="owner") for _ in range(2))
    assert_held(
        Race(
            partial(rename, first, other),
            partial(rename, other, first),
            ACCOUNTS_LOCK,
            lambda outcome: outcome.codes == (OK, OK),
        )
    )
