"""Concurrent registrations and refreshes.

The guards are the unique index on the folded username, the claim of the key, the compare-and-swap
of the rotation, and the grace for the previous token.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import pytest
from django.db.models import F

from larder.core.clock import now
from larder.db import database
from larder.http.authentication import signer
from larder.identity.models import Customer, Session
from larder.identity.services import sessions
from larder.identity.services.accounts import ensure_account
from larder.identity.tokens.policies import V1
from tests.conftest import Person
from tests.system.race.shops import OK, Answer, ServiceShop, answered, at_once

MakePerson = Callable[..., Person]
SCREENS = 8


@dataclass
class Refreshes:
    """What parallel refreshes of one token got, and what its successor was good for."""

    answers: list[Answer]
    next: Answer

    @property
    def codes(self) -> set[str]:
        """All codes that were answered."""
        return {answer.code for answer in (*self.answers, self.next)}


def refresh_at_once(shop: ServiceShop, who: Person) -> Refreshes:
    """Eight screens of an app wake up, then one of them refreshes again."""
    token = shop.session(who)
    answers = at_once(shop, [partial(shop.refresh, token)] * SCREENS)
    successors = [answer.content for answer in answers if answer.code == OK]
    return Refreshes(answers, shop.refresh(successors[-1] if successors else token))


def check_refreshes(outcome: Refreshes) -> None:
    """No client is logged out; all have the one successor, and it is valid."""
    assert outcome.codes == {OK}
    assert len({answer.content for answer in outcome.answers}) == 1


def test_parallel_refreshes_of_one_token_end_no_session(
    shop: ServiceShop, person: MakePerson
) -> None:
    for _ in range(5):
        check_refreshes(refresh_at_once(shop, person()))


def parents_at_once(who: Person) -> Refreshes:
    """Eight screens send a parent whose grace is over; its successor was never used."""
    shop = ServiceShop()
    token = shop.session(who)
    shop.refresh(token)
    Session.objects.update(rotated_at=F("rotated_at") - timedelta(seconds=75))

    def again() -> Answer:
        def call() -> Answer:
            pair = sessions.refresh(token, policy=V1, signer=signer(), now=now())
            return Answer(OK, pair.refresh)

        return answered(call)

    answers = at_once(shop, [again] * SCREENS)
    return Refreshes(answers, shop.refresh(str(answers[0].content)))


def test_parallel_second_exchanges_of_one_token_get_one_successor(
    transactional_db: None, person: MakePerson
) -> None:
    for _ in range(3):
        check_refreshes(parents_at_once(person()))


@dataclass
class Registrations:
    """What was answered to registrations of one name, and how many accounts there are now."""

    answers: list[Answer]
    accounts: int

    @property
    def codes(self) -> Counter[str]:
        """How often each code was answered."""
        return Counter(answer.code for answer in self.answers)


def register_at_once(
    shop: ServiceShop, name: str, *, key: str | None = None, many: int = 2
) -> Registrations:
    """The same name; without a key in different letters."""
    names = [name if key or number % 2 else name.upper() for number in range(many)]
    answers = at_once(shop, [partial(shop.register, one, key=key) for one in names])
    return Registrations(answers, accounts(name))


def accounts(name: str) -> int:
    """How many customers have the name, in any letters."""
    counted = database.rows("SELECT count(*) FROM customer WHERE lower(username) = %s", [name])
    return int(counted[0][0])


def check_names(outcome: Registrations) -> None:
    """One has it, the others get the answer that it is taken."""
    assert outcome.codes == {OK: 1, "username_taken": len(outcome.answers) - 1}
    assert outcome.accounts == 1


def check_key(outcome: Registrations) -> None:
    """One account; all clients get it as the answer; one of them was the first."""
    assert outcome.codes == {OK: len(outcome.answers)}
    assert outcome.accounts == 1
    assert len({answer.content for answer in outcome.answers}) == 1
    assert [answer.replayed for answer in outcome.answers].count(False) == 1


def test_one_of_two_registrations_gets_a_name(shop: ServiceShop) -> None:
    for name in ("anna", "bert", "carl"):
        check_names(register_at_once(shop, name))
    check_names(register_at_once(shop, "dora", many=6))


def test_concurrent_equal_registrations_create_one_account(shop: ServiceShop) -> None:
    check_key(register_at_once(shop, "anna", key="sign-me-up", many=6))


@pytest.mark.django_db(transaction=True)
def test_concurrent_commands_create_an_account_once() -> None:
    make = partial(ensure_account, "twin", "a password", superuser=False)
    assert at_once(ServiceShop(), [make] * 4) == [None] * 4
    assert Customer.objects.count() == 1
