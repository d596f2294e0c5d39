"""Long-lived keys: random keys, derived keys, and what ends them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from larder.core.errors import InvalidInput, NotFound
from larder.db import database
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.errors import InvalidCredentials, SessionEnded, TooManyKeys
from larder.identity.models import Customer, Key
from larder.identity.queries import credentials
from larder.identity.services import accounts, keys, passwords
from larder.identity.services.keys import MAX_KEYS
from tests.conftest import Person
from tests.identity.made_keys import SECRETS, MakePerson, made, owner_of, soon
from tests.tiers import LONGEST

NEW_SECRETS = ["the secret that came after it, long enough", *SECRETS]


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
            owner = owner_of(text)
        live = Key.objects.live().filter(customer__is_active=True)
        row = live.values_list("customer_id", "customer__public_id", "customer__is_staff", "id")
        id, public_id, is_staff, key = row.get(customer=who.id)
        held = queries.rights(id).permissions
        assert owner == Caller(id, public_id, is_staff, None, key=key, permissions=held)


@pytest.mark.parametrize("text", ["", "x", "larder_", "larder_" + "A" * 40, "0" * 40, "0" * 39])
def test_an_invalid_key_has_no_owner(db: None, text: str) -> None:
    assert credentials.key_use(text, secrets=SECRETS) is None


def test_a_random_key_has_the_prefix_that_scanners_know_and_is_not_stored(
    person: MakePerson, now: datetime
) -> None:
    text = made(person(), now)
    assert text.startswith("larder_")
    assert len(text) == len("larder_") + 40
    rows = database.rows("SELECT key::text FROM key")
    assert text not in str(rows)
    assert text.encode().hex() not in str(rows)


def test_an_account_can_have_fifty_keys_and_one_more_after_a_deletion(
    person: MakePerson, now: datetime
) -> None:
    who = person()
    derived(who, now)
    for _ in range(MAX_KEYS):
        last = keys.create_key(who.caller, "", now=now)
    with pytest.raises(TooManyKeys):
        keys.create_key(who.caller, "", now=now)
    keys.delete_key(last.id, caller=who.caller, of_any=False, now=now)
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
    assert credentials.key_use(text, secrets=NEW_SECRETS) is not None
    # With the old secret this key can be derived, so it ends with the secret in any case.
    assert credentials.key_use(text, secrets=NEW_SECRETS[:1]) is None
    later = derived(who, now, NEW_SECRETS[:1])
    assert later != text
    assert credentials.key_use(text, secrets=SECRETS) is None
    assert derived(who, now, NEW_SECRETS[:1]) == later


def test_a_deleted_derived_key_never_comes_back(person: MakePerson, now: datetime) -> None:
    who = person()
    texts = []
    for _ in range(3):
        texts.append(derived(who, now))
        (row,) = credentials.keys(who.id).page(limit=10).rows
        assert row.derived
        keys.delete_key(row.id, caller=who.caller, of_any=False, now=now)
    assert len(set(texts)) == 3
    assert [credentials.key_use(text, secrets=SECRETS) for text in texts] == [None] * 3


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
            texts = {future.result() for future in [crowd.submit(call) for _ in range(5)]}
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
    "password set by staff": lambda who, now: passwords.set_password(who.id, "!", now=now),
}


@pytest.mark.parametrize("end", ENDS)
def test_every_end_of_sessions_ends_keys_permanently(
    person: MakePerson, now: datetime, end: str
) -> None:
    who, other = person(), person()
    texts = [made(who, now), derived(who, now)]
    bystander = made(other, now)
    ENDS[end](who, now)
    assert [credentials.key_use(text, secrets=SECRETS) for text in texts] == [None, None]
    assert credentials.key_use(bystander, secrets=SECRETS) is not None
    assert credentials.keys(who.id).page(limit=10).rows == []
    if end.startswith("deactivation"):
        Customer.objects.filter(pk=who.id).update(is_active=True)
        assert [credentials.key_use(text, secrets=SECRETS) for text in texts] == [None, None]
        assert derived(who, now) not in texts


def test_a_key_of_an_inactive_account_has_no_owner(person: MakePerson, now: datetime) -> None:
    who = person()
    text = made(who, now)
    Customer.objects.filter(pk=who.id).update(is_active=False)
    Key.objects.update(ended_at=None)
    assert credentials.key_use(text, secrets=SECRETS) is None


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
                keys.delete_key(key.id, caller=who.caller, of_any=False, now=now)
                continue
            with pytest.raises(NotFound):
                keys.delete_key(key.id, caller=account.caller, of_any=False, now=now)
    assert credentials.key_use(str(key.text), secrets=SECRETS) is None


def test_the_name_of_a_key_has_no_invisible_characters(person: MakePerson, now: datetime) -> None:
    with pytest.raises(InvalidInput) as refused:
        keys.create_key(person().caller, "till\u202e", now=now)
    assert [(fault.where, fault.code) for fault in refused.value.faults] == [
        ("/name", "invalid_format")
    ]
    assert not Key.objects.exists()


def test_the_look_up_finds_the_valid_keys_that_the_orm_finds(
    person: MakePerson, now: datetime
) -> None:
    who, past = person(), datetime.now(UTC) - timedelta(seconds=1)
    texts = {made(who, now, str(number)): number for number in range(4)}
    for number, columns in enumerate(
        ({}, {"expires_at": soon()}, {"expires_at": past}, {"expires_at": soon(), "ended_at": past})
    ):
        Key.objects.filter(name=str(number)).update(**{"ended_at": None} | columns)
    valid = {n for text, n in texts.items() if credentials.key_use(text, secrets=SECRETS)}
    assert valid == {int(row.name) for row in Key.objects.live()} == {0, 1}
