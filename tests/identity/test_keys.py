"""Long-lived keys: random keys, derived keys, and what ends them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction

from larder.core.errors import DomainError, InvalidInput, NotFound, NotStaff, PermissionMissing
from larder.core.limits import MAX_KEY_DAYS, MAX_KEYS
from larder.db import database
from larder.http import authentication
from larder.identity import key_queries, queries, sql
from larder.identity.caller import Caller
from larder.identity.errors import InvalidCredentials, SessionEnded, TooManyKeys
from larder.identity.models import Customer, Key
from larder.identity.permissions import ROLES, STAFF_BEFORE_ROLES
from larder.identity.services import accounts, keys, passwords
from larder.identity.services.keys import Limits
from tests.conftest import Person
from tests.tiers import LONGEST

MakePerson = Callable[..., Person]
SECRETS = ["the first secret of these tests, long enough"]
NEW_SECRETS = ["the secret that came after it, long enough", *SECRETS]


SEE, PACK = "orders.view_order", "orders.pack_order"


def made(who: Person, now: datetime, name: str = "till", **limits: Any) -> str:
    """A random key's text."""
    return made_by(who.caller, now, name, **limits)


def made_by(caller: Caller, now: datetime, name: str = "till", **limits: Any) -> str:
    """The text of a random key that this caller creates."""
    text = keys.create_key(caller, name, now=now, limits=Limits(**limits)).text
    assert text is not None
    return text


def soon() -> datetime:
    """An hour from now, by the clock of this machine."""
    return datetime.now(UTC) + timedelta(hours=1)


def owner_of(text: str) -> Caller:
    """The owner of a live key."""
    use = key_queries.key_use(text, secrets=SECRETS)
    assert use is not None
    return use.owner


def derived(who: Person, now: datetime, secrets: list[str] = SECRETS) -> str:
    """Returns the derived key, requested with the password."""
    name, password = who.customer.username, who.password
    return keys.key_for_password(name, password, channel="contract0", secrets=secrets, now=now)


def test_a_key_has_the_current_rights_of_its_owner(person: MakePerson, now: datetime) -> None:
    who = person()
    text = made(who, now)
    key = Key.objects.get()
    caller = Caller(who.id, who.customer.public_id, False, None, key=key.id)
    assert owner_of(text) == caller
    Customer.objects.filter(pk=who.id).update(is_staff=True)
    assert owner_of(text).is_staff


def test_a_key_is_looked_up_with_one_statement_as_the_orm_finds_it(
    person: MakePerson, now: datetime, django_assert_num_queries: Any
) -> None:
    people = [person(), person(is_staff=True)]
    for who in people:
        text = made(who, now)
        # The rights of staff are another one.
        with django_assert_num_queries(1 + who.customer.is_staff):
            found = owner_of(text)
        live = Key.objects.live().filter(customer__is_active=True)
        row = live.values_list("customer_id", "customer__public_id", "customer__is_staff", "id")
        id, public_id, is_staff, key = row.get(customer=who.id)
        held = queries.rights(id).permissions
        assert found == Caller(id, public_id, is_staff, None, key=key, permissions=held)


@pytest.mark.parametrize("text", ["", "x", "larder_", "larder_" + "A" * 40, "0" * 40, "0" * 39])
def test_an_invalid_key_has_no_owner(db: None, text: str) -> None:
    assert key_queries.key_use(text, secrets=SECRETS) is None


def test_a_random_key_has_the_prefix_that_scanners_know_and_is_not_stored(
    person: MakePerson, now: datetime
) -> None:
    text = made(person(), now)
    assert text.startswith("larder_")
    assert len(text) == len("larder_") + 40
    kept = database.rows("SELECT key::text FROM key")
    assert text not in str(kept)
    assert text.encode().hex() not in str(kept)


def test_an_account_can_have_fifty_keys_and_one_more_after_a_deletion(
    person: MakePerson, now: datetime
) -> None:
    who = person()
    derived(who, now)
    for _ in range(MAX_KEYS):
        last = keys.create_key(who.caller, "", now=now)
    with pytest.raises(TooManyKeys):
        keys.create_key(who.caller, "", now=now)
    keys.delete_key(who.id, last.id, now=now)
    assert keys.create_key(who.caller, "", now=now).text


def test_the_derived_key_is_forty_hex_digits_and_the_same_at_each_call(
    person: MakePerson, now: datetime
) -> None:
    who, other = person(), person()
    text = derived(who, now)
    assert len(text) == 40
    assert set(text) <= set("0123456789abcdef")
    assert derived(who, now) == text
    assert derived(other, now) != text
    assert owner_of(text).id == who.id


def test_a_derived_key_changes_only_when_the_old_secret_is_removed(
    person: MakePerson, now: datetime
) -> None:
    who = person()
    text = derived(who, now)
    assert derived(who, now, NEW_SECRETS) == text
    assert key_queries.key_use(text, secrets=NEW_SECRETS) is not None
    # With the old secret this key can be derived, so it ends with the secret in any case.
    assert key_queries.key_use(text, secrets=NEW_SECRETS[:1]) is None
    later = derived(who, now, NEW_SECRETS[:1])
    assert later != text
    assert key_queries.key_use(text, secrets=SECRETS) is None
    assert derived(who, now, NEW_SECRETS[:1]) == later


def test_a_deleted_derived_key_never_comes_back(person: MakePerson, now: datetime) -> None:
    who = person()
    texts = []
    for _ in range(3):
        texts.append(derived(who, now))
        (row,) = key_queries.keys(who.id, after=None, limit=10)
        assert row.derived
        keys.delete_key(who.id, row.id, now=now)
    assert len(set(texts)) == 3
    assert [key_queries.key_use(text, secrets=SECRETS) for text in texts] == [None] * 3


def test_simultaneous_first_calls_give_one_derived_key(
    transactional_db: None, person: MakePerson, now: datetime
) -> None:
    for _ in range(3):
        who, gate = person(), Barrier(5)

        def call(who: Person = who, gate: Barrier = gate) -> str:
            try:
                connection.ensure_connection()
                gate.wait(LONGEST)
                return derived(who, now)
            finally:
                connection.close()

        with ThreadPoolExecutor(5) as crowd:
            texts = {one.result() for one in [crowd.submit(call) for _ in range(5)]}
        assert len(texts) == 1
        assert Key.objects.filter(customer=who.id).count() == 1


def test_the_database_refuses_a_second_derived_key(person: MakePerson, now: datetime) -> None:
    who = person()
    derived(who, now)
    second = Key(customer=who.customer, digest=b"x" * 32, generation=7, created_at=now)
    with pytest.raises(IntegrityError, match="key_one_derived"), transaction.atomic():
        second.save(force_insert=True)


WRONG: dict[str, Callable[[Person], tuple[str, str]]] = {
    "password": lambda who: (who.customer.username, "no"),
    "name": lambda who: ("nobody", who.password),
    "name with NUL": lambda who: (f"{who.customer.username}\0", who.password),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_the_wrong_credentials_get_no_key(person: MakePerson, now: datetime, wrong: str) -> None:
    name, password = WRONG[wrong](person())
    with pytest.raises(InvalidCredentials):
        keys.key_for_password(name, password, channel="contract0", secrets=SECRETS, now=now)
    assert not Key.objects.exists()


ENDS: dict[str, Callable[[Person, datetime], object]] = {
    "deactivation": lambda who, _: Customer.objects.filter(pk=who.id).update(is_active=False),
    "deactivation by SQL": lambda who, _: database.execute(
        "UPDATE customer SET is_active = false WHERE id = %s", [who.id]
    ),
    "deletion": lambda who, now: accounts.delete_account(who.id, now=now),
    "password set by staff": lambda who, now: passwords.set_password(None, who.id, "!", now=now),
}


@pytest.mark.parametrize("end", ENDS)
def test_every_end_of_sessions_ends_keys_permanently(
    person: MakePerson, now: datetime, end: str
) -> None:
    who, other = person(), person()
    texts = [made(who, now), derived(who, now)]
    bystander = made(other, now)
    ENDS[end](who, now)
    assert [key_queries.key_use(text, secrets=SECRETS) for text in texts] == [None, None]
    assert key_queries.key_use(bystander, secrets=SECRETS) is not None
    assert key_queries.keys(who.id, after=None, limit=10) == []
    if end.startswith("deactivation"):
        Customer.objects.filter(pk=who.id).update(is_active=True)
        assert [key_queries.key_use(text, secrets=SECRETS) for text in texts] == [None, None]
        assert derived(who, now) not in texts


def test_a_key_of_an_inactive_account_has_no_owner(person: MakePerson, now: datetime) -> None:
    who = person()
    text = made(who, now)
    Customer.objects.filter(pk=who.id).update(is_active=False)
    Key.objects.update(ended_at=None)
    assert key_queries.key_use(text, secrets=SECRETS) is None


def test_an_inactive_account_gets_no_key(person: MakePerson, now: datetime) -> None:
    who = person(is_active=False)
    with pytest.raises(SessionEnded):
        keys.create_key(who.caller, "", now=now)
    with pytest.raises(InvalidCredentials):
        derived(who, now)


def test_keys_are_deleted_only_by_their_owner_and_once(person: MakePerson, now: datetime) -> None:
    who, other = person(), person()
    key = keys.create_key(who.caller, "till", now=now)
    for account, times in ((other, 1), (who, 2)):
        for time in range(times):
            if account is who and time == 0:
                keys.delete_key(who.id, key.id, now=now)
                continue
            with pytest.raises(NotFound):
                keys.delete_key(account.id, key.id, now=now)
    assert key_queries.key_use(str(key.text), secrets=SECRETS) is None


def test_a_key_has_the_named_permissions_that_its_owner_has(
    person: MakePerson, now: datetime
) -> None:
    who = person(is_staff=True)
    narrow, empty, whole = (made(who, now, permissions=one) for one in ([SEE, PACK], [], None))
    assert owner_of(narrow).permissions == {SEE, PACK}
    assert owner_of(empty).permissions == frozenset()
    assert owner_of(whole).permissions == ROLES[STAFF_BEFORE_ROLES]
    who.customer.groups.set(Group.objects.filter(name="viewer"))
    assert owner_of(narrow).permissions == {SEE}
    Customer.objects.filter(pk=who.id).update(is_superuser=True)
    assert owner_of(narrow).permissions == {SEE, PACK}
    assert owner_of(empty).permissions == frozenset()
    Customer.objects.filter(pk=who.id).update(is_staff=False)
    assert [owner_of(one).permissions for one in (narrow, empty, whole)] == [frozenset()] * 3


def test_a_key_can_name_only_permissions_of_its_creator(person: MakePerson, now: datetime) -> None:
    with pytest.raises(PermissionMissing) as refused:
        made(person(is_staff=True), now, permissions=[SEE, "identity.manage_rights"])
    assert refused.value.permission == "identity.manage_rights"
    with pytest.raises(PermissionMissing):
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
    terms = accounts.Terms(caller=owner_of(made(who, now, permissions=[])))
    refusal: type[DomainError] = PermissionMissing if is_staff else NotStaff
    email = {"email": "thief@example.com"}
    with pytest.raises(refusal, match=refusal.code):
        accounts.change_profile(who.id, email, now=now, terms=terms)
    with pytest.raises(refusal, match=refusal.code):
        accounts.delete_account(who.id, now=now, terms=terms)
    assert queries.profile(who.id).email == "mine@example.com"
    if is_staff:
        named = ["identity.change_customer", "identity.delete_customer"]
        terms = accounts.Terms(caller=owner_of(made(who, now, permissions=named)))
        accounts.change_profile(who.id, email, now=now, terms=terms)
        accounts.delete_account(who.id, now=now, terms=terms)


def test_a_key_without_limits_creates_keys_without_limits(
    person: MakePerson, now: datetime
) -> None:
    who = person(is_staff=True)
    made_by(owner_of(made(who, now)), now)
    rows = Key.objects.values_list("permissions", "expires_at")
    assert list(rows) == [(None, None), (None, None)]


def test_the_name_of_a_key_has_no_invisible_characters(person: MakePerson, now: datetime) -> None:
    with pytest.raises(InvalidInput) as refused:
        keys.create_key(person().caller, "till\u202e", now=now)
    assert [(one.where, one.code) for one in refused.value.faults] == [("/name", "invalid_format")]
    assert not Key.objects.exists()


@pytest.mark.parametrize("after", [timedelta(0), -timedelta(1), timedelta(MAX_KEY_DAYS, 1)])
def test_an_expiry_must_be_in_the_future_and_within_the_limit(
    person: MakePerson, now: datetime, after: timedelta
) -> None:
    with pytest.raises(InvalidInput) as refused:
        made(person(), now, expires_at=now + after)
    assert [(one.where, one.code) for one in refused.value.faults] == [
        ("/expires_at", "out_of_range")
    ]
    assert not Key.objects.exists()


def test_an_expired_key_is_refused_like_an_ended_one(person: MakePerson) -> None:
    who, moment = person(), datetime.now(UTC)
    text = made(who, moment, expires_at=soon())
    (row,) = key_queries.keys(who.id, after=None, limit=10)
    assert owner_of(text).key == row.id
    # After the transaction of this test began: the clock of the statement decides.
    Key.objects.update(expires_at=datetime.now(UTC))
    assert key_queries.key_use(text, secrets=SECRETS) is None
    assert key_queries.keys(who.id, after=None, limit=10) == []
    for look in (
        lambda: key_queries.key(who.id, row.id),
        lambda: keys.delete_key(who.id, row.id, now=moment),
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


def test_the_look_up_finds_the_valid_keys_that_the_orm_finds(
    person: MakePerson, now: datetime
) -> None:
    who, past = person(), datetime.now(UTC) - timedelta(seconds=1)
    texts = {made(who, now, str(number)): number for number in range(4)}
    for number, columns in enumerate(
        ({}, {"expires_at": soon()}, {"expires_at": past}, {"expires_at": soon(), "ended_at": past})
    ):
        Key.objects.filter(name=str(number)).update(**{"ended_at": None} | columns)
    found = {n for text, n in texts.items() if key_queries.key_use(text, secrets=SECRETS)}
    assert found == {int(one.name) for one in Key.objects.live()} == {0, 1}


def used_at() -> datetime | None:
    """Returns the time of the last use of the only key."""
    return Key.objects.get().last_used_at


def test_the_use_of_a_key_is_recorded_once_in_ten_minutes(
    person: MakePerson, now: datetime, django_assert_num_queries: Any
) -> None:
    text = made(person(), now)
    assert used_at() is None
    with django_assert_num_queries(2):
        authentication.caller_of_key(text)
    first = used_at()
    assert first is not None
    assert abs(first - datetime.now(UTC)) < timedelta(minutes=1)
    with django_assert_num_queries(1):
        authentication.caller_of_key(text)
    assert used_at() == first
    earlier = first - timedelta(minutes=10)
    Key.objects.update(last_used_at=earlier + timedelta(seconds=30))
    authentication.caller_of_key(text)
    assert used_at() == earlier + timedelta(seconds=30)
    Key.objects.update(last_used_at=earlier)
    authentication.caller_of_key(text)
    noted = used_at()
    assert noted is not None
    assert noted >= first


def test_the_use_of_a_key_is_not_recorded_in_a_read_only_database(
    transactional_db: None, person: MakePerson, now: datetime
) -> None:
    text = made(person(), now)
    with transaction.atomic():
        database.execute("SET TRANSACTION READ ONLY")
        assert authentication.caller_of_key(text).key is not None
    assert used_at() is None


def test_a_key_whose_row_is_locked_is_used_without_a_wait(
    transactional_db: None, person: MakePerson, now: datetime
) -> None:
    text = made(person(), now)

    def use() -> Caller:
        try:
            return authentication.caller_of_key(text)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other, transaction.atomic():
        Key.objects.select_for_update().get()
        assert other.submit(use).result(timeout=4).key is not None
    assert used_at() is None
    assert use().key is not None
    assert used_at() is not None


def test_an_error_in_recording_the_use_of_a_key_fails_no_request(
    transactional_db: None, person: MakePerson, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = made(person(), now)
    monkeypatch.setattr(sql, "NOTE_USE", "UPDATE key SET no_such_column = %s")
    assert authentication.caller_of_key(text).key is not None
    assert used_at() is None
