"""An account gets rights while another account changes it: each check of rights is made under the
lock. The first call gives the rights and is stopped with the account's row locked; the second is by
a member of staff with fewer rights, who could manage the account before. Owners remove each other.
"""

from collections.abc import Callable
from functools import partial

import pytest
from django.contrib.auth.models import Permission

from larder.core.clock import now
from larder.identity.models import Customer, SecondFactor
from larder.identity.services import accounts, second_factors
from larder.identity.sql import LOCK_RIGHTS
from tests.conftest import Person
from tests.identity.factors import enrol
from tests.system.race.interleaving import Outcome, Race, assert_held
from tests.system.race.shops import OK

MakePerson = Callable[..., Person]
Act = Callable[[Person, Person], object]


def update(actor: Person, account: Person) -> None:
    email = {"email": "thief@example.com"}
    accounts.update_account(account.id, email, actor=actor.caller, now=now())


def change_profile(actor: Person, account: Person) -> None:
    email = {"email": "thief@example.com"}
    accounts.change_profile(account.id, email, caller=actor.caller)


def delete(actor: Person, account: Person) -> None:
    accounts.delete_account(account.id, caller=actor.caller, now=now())


def reset_factor(actor: Person, account: Person) -> None:
    second_factors.reset(actor.caller, account.id)


def promotion_and(act: Act, person: MakePerson) -> Race:
    """A superuser makes another of an account, which a manager of rights may manage until then."""
    boss, actor = person(is_staff=True, is_superuser=True), person(is_staff=True, role="support")
    actor.customer.user_permissions.add(Permission.objects.get(codename="manage_rights"))
    account = person(is_staff=True, role="viewer")
    enrol(account, now())
    raised = {"is_superuser": True}

    def is_untouched() -> bool:
        row = Customer.objects.get(pk=account.id)
        return (row.is_superuser, row.email, row.password) == (
            True,
            account.customer.email,
            account.customer.password,
        ) and SecondFactor.objects.filter(customer=account.id).exists()

    def holds(outcome: Outcome) -> bool:
        answers = (outcome.first.code, outcome.second.code)
        return answers == (OK, "permission_missing") and is_untouched()

    return Race(
        lambda: accounts.update_account(account.id, raised, actor=boss.caller, now=now()),
        partial(act, actor, account),
        'UPDATE "customer" SET',
        holds,
    )


ACTS = [update, change_profile, delete, reset_factor]


@pytest.mark.parametrize("act", ACTS)
def test_an_account_that_gets_rights_can_be_changed_only_with_these_rights(
    act: Act, person: MakePerson, transactional_db: None
) -> None:
    assert_held(promotion_and(act, person))


def test_two_owners_cannot_remove_each_other(person: MakePerson, transactional_db: None) -> None:
    owners = [person(is_staff=True, role="owner") for _ in range(2)]
    first, second = (partial(delete, owner, owner) for owner in owners)
    assert_held(
        Race(first, second, LOCK_RIGHTS, lambda outcome: outcome.codes == (OK, "last_owner"))
    )
