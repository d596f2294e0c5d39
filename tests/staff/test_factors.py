"""Staff with the permission reset the second factor of other staff, and create enrolment codes."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from larder.http.authentication import FACTOR
from larder.identity.models import AuditEntry, OneTimeCode, SecondFactor
from tests.conftest import Person
from tests.identity.factors import account_of, code_of, demanded, enrol
from tests.staff.desk import Desk, allow
from tests.staff.second_factor import log_in, offered, opens

MakePerson = Callable[..., Person]
BUTTONS = ("reset-factor", "enrol-code")


def path(who: Person, button: str) -> str:
    return f"identity/customer/{who.id}/{button}/"


@pytest.fixture
def sam(person: MakePerson) -> Person:
    return person("sam", is_staff=True, role="viewer")


@pytest.fixture
def owner(person: MakePerson) -> Person:
    return person("ann", is_staff=True, role="owner")


def test_a_lost_factor_is_reset_and_another_enrolled_with_the_code(
    owner: Person, sam: Person, caplog: pytest.LogCaptureFixture
) -> None:
    enrol(sam, datetime.now(UTC))
    desk = Desk(owner)
    assert "sam" in desk.get(path(sam, "reset-factor")).text
    assert SecondFactor.objects.exists()
    done = desk.post(path(sam, "reset-factor"), {})
    assert done.messages == ["The second factor is removed."]
    assert not SecondFactor.objects.exists()
    assert "24 hours" in desk.get(path(sam, "enrol-code")).text
    assert not OneTimeCode.objects.exists()
    shown = desk.post(path(sam, "enrol-code"), {})
    assert "no-store" in shown.response["Cache-Control"]
    (code,) = re.findall(r">([A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})<", shown.text)
    entries = AuditEntry.objects.filter(actor=owner.customer.public_id, channel="admin")
    assert [one.action for one in entries.order_by("pk")] == [
        *("reset_second_factor", "make_enrolment_code")
    ]
    sessions = str([one.get_decoded() for one in Session.objects.all()])
    for place in (sessions, caplog.text, *(str(vars(one)) for one in entries)):
        assert code not in place
    with demanded():
        client, _ = log_in(sam)
        sealed, secret = offered(client)
        given = {"sealed": sealed, "code": code_of(secret, datetime.now(UTC)), "permit": code}
        client.post("/admin/second-factor/", given)
        assert opens(client)


@pytest.mark.parametrize("button", BUTTONS)
def test_staff_without_the_permission_cannot_reset_a_factor(
    owner: Person, boss: Person, sam: Person, person: MakePerson, button: str
) -> None:
    customer = person()
    changer = allow(person(is_staff=True), "identity.view_customer", "identity.change_customer")
    few = allow(person(is_staff=True), "identity.view_customer", "identity.manage_rights")
    for one in (sam, boss, owner):
        enrol(one, datetime.now(UTC))
    before = (SecondFactor.objects.count(), OneTimeCode.objects.count())
    proven = Desk(owner)
    session = proven.client.session
    session[FACTOR] = str(SecondFactor.objects.get(customer=owner.id).pk)
    session.save()
    cases = [(Desk(changer), sam), (Desk(few), sam)]
    cases += [(proven, whose) for whose in (boss, owner, customer)]
    for desk, whose in cases:
        assert desk.get(path(whose, button)).status == 403
        assert desk.post(path(whose, button), {}).status == 403
    assert (SecondFactor.objects.count(), OneTimeCode.objects.count()) == before


def test_the_buttons_are_at_accounts_of_other_staff_only(
    owner: Person, sam: Person, person: MakePerson
) -> None:
    desk = Desk(owner)
    for whose, there in ((sam, True), (owner, False), (person(), False)):
        text = desk.get(f"identity/customer/{whose.id}/change/").text
        assert [f"/{button}/" in text for button in BUTTONS] == [there] * 2


@pytest.mark.parametrize("button", BUTTONS)
def test_a_factor_of_an_inactive_or_unknown_account_cannot_be_reset(
    owner: Person, sam: Person, button: str
) -> None:
    type(sam.customer).objects.filter(pk=sam.id).update(is_active=False)
    desk = Desk(owner)
    assert desk.post(path(sam, button), {}).messages == ["This does not exist any more."]
    for wrong in ("0", "x", "_00", "9" * 40):
        assert desk.get(f"identity/customer/{wrong}/{button}/").status in {400, 403, 404}


@pytest.mark.parametrize("button", BUTTONS)
def test_the_form_needs_a_csrf_token(owner: Person, sam: Person, button: str) -> None:
    phone: Any = enrol(sam, datetime.now(UTC))
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner.customer)
    assert client.post(f"/admin/{path(sam, button)}").status_code == 403
    assert SecondFactor.objects.get(customer=account_of(sam).id).pk == phone.factor
