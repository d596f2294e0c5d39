"""Rights that a caller had when the request began and lost before its end."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.contrib.auth.hashers import make_password

from larder.core.errors import NotStaff, PermissionMissing, SecondFactorRequired
from larder.http.authentication import caller_of, signer
from larder.identity import hashers, queries
from larder.identity.caller import Caller
from larder.identity.errors import InvalidCredentials, SecondFactorWrong, SessionEnded
from larder.identity.models import Customer, Key, Session
from larder.identity.services import accounts, attempts, keys, passwords, second_factors, sessions
from larder.identity.services.attempts import RateLimited
from larder.identity.tokens import V1
from tests.conftest import Api, Person
from tests.database import before
from tests.http.conftest import token_for
from tests.identity.conftest import log_in_at_the_admin
from tests.identity.factors import account_of, enrol, prove_code
from tests.staff.desk import Desk

MakePerson = Callable[..., Person]
NEW = "a new horse battery"
LOCK_UNCHANGED = 'SELECT "customer"."password" AS "password", "customer"."is_staff" AS "is_staff"'
"""The account is locked after its password was hashed."""
pytestmark = pytest.mark.django_db


def of_the_admin(who: Person) -> Caller:
    """Returns the caller with the admin's cookie, as read earlier."""
    row = Customer.objects.get(pk=who.id)
    session = log_in_at_the_admin(who, datetime.now(UTC))
    return Caller(row.pk, row.public_id, row.is_staff, session)


def make_staff(who: Person, boss: Person, now: datetime) -> None:
    """Makes an account staff, as a superuser."""
    actor = Caller(
        boss.id,
        boss.customer.public_id,
        is_staff=True,
        session=None,
        permissions=frozenset({"identity.manage_rights", "identity.change_customer"}),
    )
    accounts.update_account(who.id, {"is_staff": True}, actor=actor, now=now)


@pytest.mark.parametrize("how", ["set password", "end sessions", "deactivate"])
def test_an_ended_cookie_cannot_make_a_key(how: str, person: MakePerson, now: datetime) -> None:
    who = person(is_staff=True)
    caller = of_the_admin(who)
    if how == "set password":
        passwords.set_password(who.id, make_password(NEW), now=now)
    elif how == "end sessions":
        sessions.end_others(who.id, keep=None, now=now)
    else:
        Customer.objects.filter(pk=who.id).update(is_active=False)
    with pytest.raises(SessionEnded):
        keys.create_key(caller, "late", now=now)
    assert not Key.objects.live().filter(customer=who.id).exists()


def test_an_app_is_enrolled_only_with_a_valid_proof(person: MakePerson) -> None:
    who, now = person(is_staff=True), datetime.now(UTC)
    phone = enrol(who, now)
    enrol(who, now, proven=phone.factor)
    with pytest.raises(SecondFactorWrong):
        enrol(who, now, proven=phone.factor)


def with_a_proof(who: Person, factor: UUID | None) -> Caller:
    """Returns the caller with the admin's cookie and the rights that were read with it."""
    return queries.with_rights(replace(of_the_admin(who), factor=factor))


def test_a_key_gets_no_rights_from_a_password_after_a_factor_is_enrolled(
    person: MakePerson,
) -> None:
    who, now, seeing = person(is_staff=True), datetime.now(UTC), ["orders.view_order"]
    before = with_a_proof(who, None)
    phone = enrol(who, now)
    assert before.may(seeing[0])
    with pytest.raises(SecondFactorRequired):
        keys.create_key(before, "late", now=now, limits=keys.Limits(permissions=seeing))
    none = keys.create_key(before, "late", now=now).id
    assert Key.objects.get(pk=none).permissions == []
    limits, proven = keys.Limits(permissions=seeing), with_a_proof(who, phone.factor)
    some = keys.create_key(proven, "proven", now=now, limits=limits).id
    assert Key.objects.get(pk=some).permissions == seeing


def test_a_key_gets_no_rights_that_were_removed(person: MakePerson, now: datetime) -> None:
    who, limits = person(is_staff=True), keys.Limits(permissions=["orders.view_order"])
    before = with_a_proof(who, None)
    who.customer.groups.clear()
    with pytest.raises(PermissionMissing):
        keys.create_key(before, "late", now=now, limits=limits)


@pytest.mark.parametrize("has_session", [True, False])
def test_a_password_is_changed_only_in_a_valid_session(
    person: MakePerson, has_session: bool
) -> None:
    """Otherwise the admin would keep a session that was ended while the password was read."""
    who, now = person(is_staff=True), datetime.now(UTC)
    caller = of_the_admin(who)
    if has_session:
        caller = signer().read_access(token_for(who))[0]
    sessions.end_others(who.id, keep=None, now=now)
    with pytest.raises(SessionEnded):
        passwords.change_password(caller, current=who.password, new=NEW, now=now)
    assert Customer.objects.get(pk=who.id).check_password(who.password)


@pytest.mark.django_db(transaction=True)
def test_the_page_of_the_own_password_does_not_revive_an_ended_session(
    person: MakePerson, now: datetime
) -> None:
    who = person(is_staff=True)
    desk = Desk(who)
    form = {"old_password": who.password, "new_password1": NEW, "new_password2": NEW}
    with before(LOCK_UNCHANGED, lambda: sessions.end_others(who.id, keep=None, now=now)):
        page = desk.post("password_change/", form)
    assert page.status == 403
    assert Customer.objects.get(pk=who.id).check_password(who.password)


def test_a_password_change_returns_the_stored_password_hash(
    person: MakePerson, now: datetime
) -> None:
    """The admin signs the session with this hash: a password that staff set ends the session."""
    who = person(is_staff=True)
    mine = passwords.change_password(of_the_admin(who), current=who.password, new=NEW, now=now)
    row = Customer.objects.get(pk=who.id)
    assert mine.password == row.password


def test_sessions_opened_before_an_account_became_staff_end(
    person: MakePerson, as_: Callable[[Person], Api], now: datetime
) -> None:
    """Their tokens do not have the staff claim."""
    boss, who = person(is_staff=True, is_superuser=True), person()
    as_(who)
    make_staff(who, boss, now)
    assert not Session.objects.live(now).filter(customer=who.id).exists()


def test_a_password_without_the_factor_cannot_end_keys_of_staff(
    person: MakePerson, now: datetime
) -> None:
    who = person(is_staff=True)
    restricted = replace(who.caller, is_restricted=True)
    for named in (["orders.pack_order"], [], None):
        key = Key.objects.create(
            customer_id=who.id, digest=bytes(32), name="till", created_at=now, permissions=named
        )
        with pytest.raises(SecondFactorRequired) if named else nullcontext():
            keys.delete_key(key.pk, caller=restricted, of_any=False, now=now)
        Key.objects.filter(pk=key.pk).delete()


def test_new_codes_end_the_sessions_opened_with_former_codes(person: MakePerson) -> None:
    """The session that requests the codes does not end."""
    who, now = person(is_staff=True), datetime.now(UTC)
    account, phone = account_of(who), enrol(who, now)
    mine, other = (prove_code(account, code, now=now) for code in phone.recovery_codes[:2])
    second_factors.renew_recovery_codes(replace(account, factor=mine), now=now)
    assert not needs_factor(who, mine)
    assert needs_factor(who, other)
    enrol(who, now, proven=mine)
    assert needs_factor(who, mine)


@pytest.mark.parametrize("how", ["role", "staff", "deactivate"])
def test_rights_are_granted_only_with_current_rights(
    how: str, person: MakePerson, now: datetime
) -> None:
    owner, who = person(is_staff=True, role="owner"), person()
    actor = owner.caller
    if how == "role":
        owner.customer.groups.clear()
    else:
        fields = {"staff": {"is_staff": False}, "deactivate": {"is_active": False}}[how]
        Customer.objects.filter(pk=owner.id).update(**fields)
    with pytest.raises((SessionEnded, NotStaff, PermissionMissing)):
        accounts.update_account(who.id, {"is_staff": True}, actor=actor, now=now)
    assert not Customer.objects.get(pk=who.id).is_staff


@pytest.mark.parametrize("act", ["update", "change", "delete"])
@pytest.mark.parametrize("is_own", [True, False])
def test_accounts_are_changed_only_with_a_current_permission(
    person: MakePerson, now: datetime, act: str, is_own: bool
) -> None:
    clerk = person(is_staff=True, role="support")
    who = clerk if is_own else person()
    email, caller = {"email": "thief@example.com"}, clerk.caller
    clerk.customer.groups.clear()
    acts: dict[str, Callable[[], None]] = {
        "update": lambda: accounts.update_account(who.id, email, actor=caller, now=now),
        "change": lambda: accounts.change_profile(who.id, email, caller=caller),
        "delete": lambda: accounts.delete_account(who.id, caller=caller, now=now),
    }
    with pytest.raises(PermissionMissing):
        acts[act]()
    row = Customer.objects.get(pk=who.id)
    assert (row.email, row.deleted_at) == (who.customer.email, None)


def test_factors_are_removed_only_with_a_valid_proof(person: MakePerson) -> None:
    who, now = person(is_staff=True), datetime.now(UTC)
    account = replace(account_of(who), session=log_in_at_the_admin(who, now))
    lost = enrol(who, now)
    phone = enrol(who, now, proven=lost.factor)
    for former in (lost.factor, None):
        with pytest.raises(SecondFactorWrong):
            second_factors.remove(replace(account, factor=former), phone.factor)
    assert needs_factor(who, lost.factor)
    second_factors.remove(replace(account, factor=phone.factor), phone.factor)
    assert not needs_factor(who, lost.factor)


def needs_factor(who: Person, proven: UUID) -> bool:
    return queries.rights(who.id, proven).needs_factor


def until_refused(username: str, guesses: int) -> list[bool]:
    """Returns for each of so many wrong passwords whether it was checked."""
    checked = []
    for _ in range(guesses):
        try:
            with attempts.attempt("log in", account=username, address="192.0.2.1"):
                raise InvalidCredentials
        except RateLimited:
            checked.append(False)
        except InvalidCredentials:
            checked.append(True)
    return checked


def test_attempts_do_not_reveal_which_accounts_exist(
    person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another spelling of a name counts for the name, whether or not there is an account. A name
    that has the form of an account's key does not."""
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(secret="a secret of this test")])
    monkeypatch.setattr(hashers, "_lanes", hashers.lanes_of(staff=100, others=100))
    who = person("jessica")
    for name in ("jessica", "vanessa"):
        assert until_refused(name, 11) == [True] * 10 + [False]
        assert until_refused(name.replace("ss", "ß"), 1) == [False]
    for id in (who.id, who.id + 1_000):
        for spelling in ("\0{}", "id {}"):
            assert until_refused(spelling.format(id), 1) == [True]


def test_codes_are_renewed_and_factors_removed_only_in_a_valid_session(
    person: MakePerson,
) -> None:
    who, now = person(is_staff=True), datetime.now(UTC)
    phone = enrol(who, now)
    account = replace(account_of(who), session=log_in_at_the_admin(who, now))
    sessions.end_others(who.id, keep=None, now=now)
    with pytest.raises(SessionEnded):
        second_factors.renew_recovery_codes(account, now=now)
    with pytest.raises(SessionEnded):
        second_factors.remove(account, phone.factor)


def test_keys_from_before_an_account_became_staff_give_no_rights(
    person: MakePerson, now: datetime
) -> None:
    boss, who = person(is_staff=True, is_superuser=True), person()
    keys.create_key(who.caller, "app", now=now)
    make_staff(who, boss, now)
    assert not Key.objects.live().filter(customer=who.id).exists()


@pytest.mark.django_db(transaction=True)
def test_a_log_in_has_the_rights_that_the_account_has_when_its_session_is_stored(
    person: MakePerson,
) -> None:
    who = person()
    credentials = sessions.Credentials(who.customer.username, who.password)
    account, moment = Customer.objects.filter(pk=who.id), datetime.now(UTC)
    with before(LOCK_UNCHANGED, lambda: account.update(is_staff=True)):
        pair = sessions.log_in(credentials, policy=V1, signer=signer(), now=moment)
    assert caller_of(pair.access).is_staff
