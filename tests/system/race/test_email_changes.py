"""Concurrent changes of an email address: each replaced address gets a mail.

The guard is the account's lock, under which the former address is read; its control is in
test_account_locks.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from larder.core.clock import now
from larder.core.ids import new_id
from larder.identity.models import Customer, EmailChange
from larder.identity.services import accounts
from tests.conftest import Person
from tests.system.race.shops import OK, Answer, ServiceShop, answered, at_once

MakePerson = Callable[..., Person]
SHOP = ServiceShop()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was answered, the former addresses, those with a mail, and the one that is left."""

    answers: list[Answer]
    known: set[str]
    notified: list[str]
    left: str


def four_addresses(person: MakePerson) -> Outcome:
    """Four addresses in the place of one."""
    who = person(email=f"{new_id()}@example.com")
    wishes, notified = [f"{new_id()}@example.com" for _ in range(4)], list[UUID]()

    def change(email: str) -> Answer:
        accounts.change_profile(who.id, {"email": email}, now=now(), notify=notified.append)
        return Answer(OK, email)

    answers = at_once(SHOP, [partial(answered, partial(change, email)) for email in wishes])
    former = EmailChange.objects.filter(id__in=notified).values_list("former", flat=True)
    left = Customer.objects.get(pk=who.id).email
    return Outcome(answers, {who.customer.email, *wishes}, list(former), left)


def check_mailed(found: Outcome) -> None:
    """All owners of former addresses get a mail, once."""
    assert [one.code for one in found.answers] == [OK] * 4
    assert sorted([*found.notified, found.left]) == sorted(found.known)


def test_concurrent_changes_mail_each_replaced_address(
    transactional_db: None, person: MakePerson
) -> None:
    for _ in range(3):
        check_mailed(four_addresses(person))
