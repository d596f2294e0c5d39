"""Transactions lock the same rows in one order, so there is no deadlock.

Tested are orders and adjustments that share products, with lines in any order, and changes of
rights, which lock accounts in the order of their ids and then the advisory lock of rights.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from larder.core.clock import now
from larder.identity.models import Customer
from larder.identity.services import accounts
from larder.identity.services.accounts import ByStaff, Terms
from tests.conftest import Person
from tests.system.race.books import assert_agree, shelf
from tests.system.race.customers import enter, few
from tests.system.race.interleaving import Outcome, Race, assert_held
from tests.system.race.shops import OK, Answer, ServiceShop, at_once

STOCK = 1000


@dataclass
class Crossing:
    """Products in ascending order, and what was answered to orders of all of them."""

    products: list[int]
    answers: list[Answer]

    @property
    def codes(self) -> Counter[str]:
        """How often each code was answered."""
        return Counter(answer.code for answer in self.answers)


def cross(
    shop: ServiceShop, people: Sequence[Person], products: list[int], *, buyers: int, rounds: int
) -> Crossing:
    """Half of the buyers name the products upwards, half downwards, several orders each."""
    enter(shop, people)

    def buyer(number: int) -> list[Answer]:
        who, named = people[number % len(people)], products[:: -1 if number % 2 else 1]
        return [shop.place(who, [(one, 1) for one in named]) for _ in range(rounds)]

    answers = at_once(shop, [partial(buyer, number) for number in range(buyers)])
    return Crossing(products, [answer for own in answers for answer in own])


def check(outcome: Crossing) -> None:
    """Every order was placed, and the stock is exact."""
    assert outcome.codes == {OK: len(outcome.answers)}
    assert_agree(outcome.products)
    left = STOCK - len(outcome.answers)
    assert [shelf(one).available for one in outcome.products] == [left] * len(outcome.products)


def test_orders_with_opposite_lines_do_not_deadlock(
    shop: ServiceShop, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    products = [product(stock=STOCK) for _ in range(5)]
    check(cross(shop, few(person), products, buyers=12, rounds=20))


def test_stock_changes_by_staff_do_not_deadlock_with_orders(
    shop: ServiceShop, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    products = [product(stock=STOCK) for _ in range(3)]
    who, staff = person(), person(is_staff=True)
    shop.enter(staff)

    def work() -> list[Answer]:
        return [
            answer
            for one in products[::-1] * 5
            for answer in (shop.reprice(staff, one, "9.99"), shop.adjust(staff, one, counted=STOCK))
        ]

    def buy() -> list[Answer]:
        return [shop.place(who, [(one, 1) for one in products]) for _ in range(10)]

    shop.enter(who)
    answers = [answer for own in at_once(shop, [work, work, *[buy] * 6]) for answer in own]
    assert Counter(answer.code for answer in answers) == {OK: 120}
    assert_agree(products)


ACCOUNTS_LOCK = 'SELECT "customer"."id" AS "pk" FROM'
RIGHTS_LOCK = "pg_advisory_xact_lock(6, 1)"


def rename(actor: Person, account: Person) -> None:
    """A change of an account by staff."""
    change = ByStaff(actor=actor.caller, columns={"first_name": "X"})
    accounts.update_account(account.id, change, now=now())


def delete(account: Person, *, by_itself: bool) -> None:
    """The deletion of an account, by its owner or by a command."""
    terms = Terms(caller=account.caller) if by_itself else Terms()
    accounts.delete_account(account.id, now=now(), terms=terms)


def deletion_and_change(person: Callable[..., Person], *, by_itself: bool) -> Race:
    """An owner changes an account of staff while it is deleted."""
    owner, leaver = (person(is_staff=True, role="owner") for _ in range(2))
    return Race(
        partial(delete, leaver, by_itself=by_itself),
        partial(rename, owner, leaver),
        RIGHTS_LOCK,
        lambda outcome: codes(outcome) == (OK, "not_found"),
    )


def change_and_deletion(person: Callable[..., Person], *, by_itself: bool) -> Race:
    """An account of staff is deleted while an owner changes it."""
    owner, leaver = (person(is_staff=True, role="owner") for _ in range(2))
    return Race(
        partial(rename, owner, leaver),
        partial(delete, leaver, by_itself=by_itself),
        RIGHTS_LOCK,
        lambda outcome: (
            codes(outcome) == (OK, OK) and not Customer.objects.get(pk=leaver.id).is_active
        ),
    )


def codes(outcome: Outcome) -> tuple[str, str]:
    return outcome.first.code, outcome.second.code


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
    one, other = (person(is_staff=True, role="owner") for _ in range(2))
    assert_held(
        Race(
            partial(rename, one, other),
            partial(rename, other, one),
            ACCOUNTS_LOCK,
            lambda outcome: codes(outcome) == (OK, OK),
        )
    )
