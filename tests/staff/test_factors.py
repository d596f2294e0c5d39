"""Staff with the permission reset the second factor of other staff."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from larder.http.authentication import FACTOR
from larder.identity.models import AuditEntry, SecondFactor
from tests.conftest import Person
from tests.identity.factors import enrol
from tests.staff.desk import Desk, allow

MakePerson = Callable[..., Person]


def path(who: Person | str) -> str:
    id = who if isinstance(who, str) else who.id
    return f"identity/customer/{id}/reset-factor/"


@pytest.fixture
def sam(person: MakePerson) -> Person:
    return person("sam", is_staff=True, role="viewer")


@pytest.fixture
def owner(person: MakePerson) -> Person:
    return person("ann", is_staff=True, role="owner")


def test_a_lost_factor_is_reset(owner: Person, sam: Person) -> None:
    enrol(sam, datetime.now(UTC))
    desk = Desk(owner)
    assert "sam" in desk.get(path(sam)).text
    assert SecondFactor.objects.exists()
    assert desk.post(path(sam), {}).messages == ["The second factor is removed."]
    assert not SecondFactor.objects.exists()
    entry = AuditEntry.objects.get(actor=owner.customer.public_id, channel="admin")
    assert entry.action == "reset_second_factor"


def test_staff_without_the_permission_cannot_reset_a_factor(
    owner: Person, boss: Person, sam: Person, person: MakePerson
) -> None:
    customer = person()
    changer = allow(person(is_staff=True), "identity.view_customer", "identity.change_customer")
    few = allow(person(is_staff=True), "identity.view_customer", "identity.manage_rights")
    for who in (sam, boss, owner):
        enrol(who, datetime.now(UTC))
    before = SecondFactor.objects.count()
    proven = Desk(owner)
    session = proven.client.session
    session[FACTOR] = str(SecondFactor.objects.get(customer=owner.id).pk)
    session.save()
    cases = [(Desk(changer), sam), (Desk(few), sam)]
    cases += [(proven, whose) for whose in (boss, owner, customer)]
    for desk, whose in cases:
        assert desk.get(path(whose)).status == 403
        assert desk.post(path(whose), {}).status == 403
    assert SecondFactor.objects.count() == before


def test_the_button_is_at_accounts_of_other_staff_only(
    owner: Person, sam: Person, person: MakePerson
) -> None:
    desk = Desk(owner)
    for whose, there in ((sam, True), (owner, False), (person(), False)):
        text = desk.get(f"identity/customer/{whose.id}/change/").text
        assert ("/reset-factor/" in text) is there


def test_a_factor_of_an_inactive_or_unknown_account_cannot_be_reset(
    owner: Person, sam: Person
) -> None:
    type(sam.customer).objects.filter(pk=sam.id).update(is_active=False)
    desk = Desk(owner)
    assert desk.post(path(sam), {}).messages == ["This does not exist any more."]
    for wrong in ("0", "x", "_00", "9" * 40):
        assert desk.get(path(wrong)).status in {400, 403, 404}
