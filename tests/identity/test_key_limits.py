"""What narrows a key: named permissions and an expiry."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group

from larder.core.errors import DomainError, InvalidInput, NotFound, NotStaff, PermissionMissing
from larder.identity import queries
from larder.identity.errors import TooManyKeys
from larder.identity.models import Customer, Key
from larder.identity.queries import credentials
from larder.identity.services import accounts, keys
from larder.identity.services.keys import MAX_KEY_DAYS, MAX_KEYS
from tests.conftest import CLERK_PERMISSIONS
from tests.identity.made_keys import SECRETS, MakePerson, made, made_by, owner_of, soon

SEE, PACK = "orders.view_order", "orders.pack_order"


def test_a_key_has_the_named_permissions_that_its_owner_has(
    person: MakePerson, now: datetime
) -> None:
    who = person(is_staff=True)
    narrow, empty, whole = (made(who, now, permissions=names) for names in ([SEE, PACK], [], None))
    assert owner_of(narrow).permissions == {SEE, PACK}
    assert owner_of(empty).permissions == frozenset()
    assert owner_of(whole).permissions == CLERK_PERMISSIONS
    who.customer.groups.set(Group.objects.filter(name="viewer"))
    assert owner_of(narrow).permissions == {SEE}
    Customer.objects.filter(pk=who.id).update(is_superuser=True)
    assert owner_of(narrow).permissions == {SEE, PACK}
    assert owner_of(empty).permissions == frozenset()
    Customer.objects.filter(pk=who.id).update(is_staff=False)
    assert [owner_of(key).permissions for key in (narrow, empty, whole)] == [frozenset()] * 3


def test_a_key_can_name_only_permissions_of_its_creator(person: MakePerson, now: datetime) -> None:
    named = ["identity.view_auditentry", SEE, "identity.manage_rights"]
    with pytest.raises(PermissionMissing) as refused:
        made(person(is_staff=True), now, permissions=named)
    missing = [
        error.permission for error in refused.value.all if isinstance(error, PermissionMissing)
    ]
    assert missing == ["identity.view_auditentry", "identity.manage_rights"]
    with pytest.raises(InvalidInput):
        made(person(is_staff=True, is_superuser=True), now, permissions=["no.such_thing"])
    with pytest.raises(NotStaff):
        made(person(), now, permissions=[SEE])
    assert not Key.objects.exists()


def test_a_key_created_with_a_key_has_no_more_permissions_and_no_later_expiry(
    person: MakePerson, now: datetime
) -> None:
    who, ends = person(is_staff=True), soon()
    first = owner_of(made(who, now, permissions=[SEE, PACK], expires_at=ends))
    assert owner_of(made_by(first, now)).permissions == {SEE, PACK}
    assert owner_of(made_by(first, now, permissions=[SEE])).permissions == {SEE}
    with pytest.raises(PermissionMissing):
        made_by(first, now, permissions=[SEE, "orders.ship_order"])
    made_by(first, now, expires_at=ends + timedelta(minutes=30))
    half = ends - timedelta(minutes=30)
    made_by(first, now, expires_at=half)
    expiries = Key.objects.order_by("id").values_list("expires_at", flat=True)
    assert list(expiries) == [ends, ends, ends, ends, half]


@pytest.mark.parametrize("is_staff", [True, False])
def test_a_key_with_limited_permissions_cannot_take_over_its_account(
    person: MakePerson, now: datetime, *, is_staff: bool
) -> None:
    """With a changed email address it could reset the password and get all rights."""
    who = person(is_staff=is_staff, email="mine@example.com")
    caller = owner_of(made(who, now, permissions=[]))
    refusal: type[DomainError] = PermissionMissing if is_staff else NotStaff
    email = {"email": "thief@example.com"}
    with pytest.raises(refusal, match=refusal.code):
        accounts.change_profile(who.id, email, caller=caller)
    with pytest.raises(refusal, match=refusal.code):
        accounts.delete_account(who.id, caller=caller, now=now)
    assert queries.profile(who.id).email == "mine@example.com"
    if is_staff:
        named = ["identity.change_customer", "identity.delete_customer"]
        caller = owner_of(made(who, now, permissions=named))
        accounts.change_profile(who.id, email, caller=caller)
        accounts.delete_account(who.id, caller=caller, now=now)


def test_a_key_without_limits_creates_keys_without_limits(
    person: MakePerson, now: datetime
) -> None:
    who = person(is_staff=True)
    made_by(owner_of(made(who, now)), now)
    rows = Key.objects.values_list("permissions", "expires_at")
    assert list(rows) == [(None, None), (None, None)]


@pytest.mark.parametrize("after", [timedelta(0), -timedelta(1), timedelta(MAX_KEY_DAYS, 1)])
def test_an_expiry_must_be_in_the_future_and_within_the_limit(
    person: MakePerson, now: datetime, after: timedelta
) -> None:
    with pytest.raises(InvalidInput) as refused:
        made(person(), now, expires_at=now + after)
    assert [(fault.where, fault.code) for fault in refused.value.faults] == [
        ("/expires_at", "out_of_range")
    ]
    assert not Key.objects.exists()


def test_an_expired_key_is_refused_like_an_ended_one(person: MakePerson) -> None:
    who, moment = person(), datetime.now(UTC)
    text = made(who, moment, expires_at=soon())
    (row,) = credentials.keys(who.id).page(limit=10).rows
    assert owner_of(text).key == row.id
    # After the transaction of this test began: the clock of the statement decides.
    Key.objects.update(expires_at=datetime.now(UTC))
    assert credentials.key_use(text, secrets=SECRETS) is None
    assert credentials.keys(who.id).page(limit=10).rows == []
    for look in (
        lambda: credentials.keys(who.id).row(row.id),
        lambda: keys.delete_key(row.id, caller=who.caller, of_any=False, now=moment),
    ):
        with pytest.raises(NotFound):
            look()


def test_expired_keys_do_not_count_for_the_limit(person: MakePerson, now: datetime) -> None:
    who = person()
    for _ in range(MAX_KEYS):
        made(who, now)
    Key.objects.filter(pk=Key.objects.earliest("id").pk).update(expires_at=datetime.now(UTC))
    made(who, now)
    with pytest.raises(TooManyKeys):
        made(who, now)
