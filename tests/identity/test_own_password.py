"""A password set in the admin or by command ends the sessions opened with the old one."""

import getpass
from collections.abc import Callable
from datetime import datetime

import pytest
from django.core.management import call_command

from larder.identity import hashers
from larder.identity.models import Customer, Key, Session
from larder.identity.services import keys
from tests.conftest import Api, Person
from tests.staff.desk import Desk

MakePerson = Callable[..., Person]
OLD, NEW = "correct horse", "a horse of another colour"
FORM = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW}


def open_doors(who: Person, now: datetime) -> None:
    """A log-in, and a customer's new key."""
    credentials = {"username": who.customer.username, "password": who.password}
    assert Api()("POST", "auth/token", credentials).status == 200
    keys.create_key(who.caller, "till", now=now)


def live(who: Person) -> tuple[int, int]:
    """Returns the number of sessions and keys that are still valid."""
    log_ins = Session.objects.filter(customer=who.id, ended_at=None, policy="v1")
    return log_ins.count(), Key.objects.filter(customer=who.id, ended_at=None).count()


def test_a_changed_own_password_ends_other_sessions_and_keeps_keys_and_the_page(
    person: MakePerson, now: datetime
) -> None:
    who = person(is_staff=True)
    desk, other = Desk(who), Desk(who)
    open_doors(who, now)
    page = desk.post("password_change/", FORM)
    assert page.response.redirect_chain == [("/admin/password_change/done/", 302)]
    assert Customer.objects.get(pk=who.id).check_password(NEW)
    assert live(who) == (0, 1)
    assert desk.get("").response.redirect_chain == []
    assert other.get("").response.redirect_chain[0][0].startswith("/admin/login/")


@pytest.mark.parametrize("wrong", [{"old_password": "x"}, {"new_password2": "x"}])
def test_a_faulty_form_changes_nothing(
    person: MakePerson, now: datetime, wrong: dict[str, str]
) -> None:
    who = person(is_staff=True)
    open_doors(who, now)
    page = Desk(who).post("password_change/", FORM | wrong)
    assert (page.status, page.response.redirect_chain) == (200, [])
    assert live(who) == (1, 1)
    assert Customer.objects.get(pk=who.id).check_password(OLD)


def test_a_change_while_too_many_passwords_are_checked_is_refused_with_retry_after(
    person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(person(is_staff=True))
    monkeypatch.setattr(hashers, "_lanes", hashers.lanes_of(staff=0, others=0))
    page = desk.post("password_change/", FORM)
    assert (page.status, "The server is busy" in page.text) == (503, True)
    assert page.response["Retry-After"]


def test_the_command_ends_sessions_and_keys(
    person: MakePerson, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, other = person(), person()
    open_doors(who, now)
    open_doors(other, now)
    monkeypatch.setattr(getpass, "getpass", lambda **_: NEW)
    call_command("changepassword", who.customer.username)
    assert Customer.objects.get(pk=who.id).check_password(NEW)
    assert live(who) == (0, 0)
    assert live(other) == (1, 1)
