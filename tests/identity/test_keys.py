"""Long-lived keys: made once, derived again and again, and ended by everything that should."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from larder.core.errors import NotFound
from larder.core.limits import MAX_KEYS
from larder.db import database
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.errors import InvalidCredentials, SessionEnded, TooManyKeys
from larder.identity.models import Customer, Key
from larder.identity.services import accounts, keys, passwords
from tests.conftest import Person

MakePerson = Callable[..., Person]
SECRETS = ["the first secret of these tests, long enough"]
NEW_SECRETS = ["the secret that came after it, long enough", *SECRETS]


def made(who: Person, now: datetime, name: str = "till") -> str:
    """A random key's text."""
    text = keys.create_key(who.caller, name, now=now).text
    assert text is not None
    return text


def derived(who: Person, now: datetime, secrets: list[str] = SECRETS) -> str:
    """The derived key, asked for with the password."""
    name, password = who.customer.username, who.password
    return keys.key_for_password(name, password, secrets=secrets, now=now)


def test_a_key_speaks_for_its_owner_with_the_rights_of_now(
    person: MakePerson, now: datetime
) -> None:
    who = person()
    text = made(who, now)
    key = Key.objects.get()
    caller = Caller(who.id, who.customer.public_id, False, None, key=key.id)
    assert queries.key_owner(text, secrets=SECRETS) == caller
    Customer.objects.filter(pk=who.id).update(is_staff=True)
    owner = queries.key_owner(text, secrets=SECRETS)
    assert owner is not None
    assert owner.is_staff


def test_the_look_up_of_a_customers_key_is_one_statement_and_says_what_the_orm_finds(
    person: MakePerson, now: datetime, django_assert_num_queries: Any
) -> None:
    people = [person(), person(is_staff=True)]
    for who in people:
        text = made(who, now)
        # The rights of staff are another one.
        with django_assert_num_queries(1 + who.customer.is_staff):
            found = queries.key_owner(text, secrets=SECRETS)
        live = Key.objects.filter(ended_at=None, customer__is_active=True)
        row = live.values_list("customer_id", "customer__public_id", "customer__is_staff", "id")
        id, public_id, is_staff, key = row.get(customer=who.id)
        held = queries.rights(id).permissions
        assert found == Caller(id, public_id, is_staff, None, key=key, permissions=held)


@pytest.mark.parametrize("text", ["", "x", "larder_", "larder_" + "A" * 40, "0" * 40, "0" * 39])
def test_what_is_no_key_belongs_to_nobody(db: None, text: str) -> None:
    assert queries.key_owner(text, secrets=SECRETS) is None


def test_a_random_key_has_the_prefix_that_scanners_know_and_is_not_stored(
    person: MakePerson, now: datetime
) -> None:
    text = made(person(), now)
    assert text.startswith("larder_")
    assert len(text) == len("larder_") + 40
    kept = database.rows("SELECT key::text FROM key")
    assert text not in str(kept)
    assert text.encode().hex() not in str(kept)


def test_somebody_can_have_fifty_keys_and_again_one_when_one_is_deleted(
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
    owner = queries.key_owner(text, secrets=SECRETS)
    assert owner is not None
    assert owner.id == who.id


def test_a_new_secret_changes_no_key_until_the_old_one_is_gone(
    person: MakePerson, now: datetime
) -> None:
    who = person()
    text = derived(who, now)
    assert derived(who, now, NEW_SECRETS) == text
    assert queries.key_owner(text, secrets=NEW_SECRETS) is not None
    # Whoever had the old secret can derive this key: it ends with the secret, asked for or not.
    assert queries.key_owner(text, secrets=NEW_SECRETS[:1]) is None
    later = derived(who, now, NEW_SECRETS[:1])
    assert later != text
    assert queries.key_owner(text, secrets=SECRETS) is None
    assert derived(who, now, NEW_SECRETS[:1]) == later


def test_a_deleted_derived_key_never_comes_back(person: MakePerson, now: datetime) -> None:
    who = person()
    texts = []
    for _ in range(3):
        texts.append(derived(who, now))
        (row,) = queries.keys(who.id, after=None, limit=10)
        assert row.derived
        keys.delete_key(who.id, row.id, now=now)
    assert len(set(texts)) == 3
    assert [queries.key_owner(text, secrets=SECRETS) for text in texts] == [None] * 3


def test_simultaneous_first_calls_give_one_derived_key(
    transactional_db: None, person: MakePerson, now: datetime
) -> None:
    for _ in range(3):
        who, gate = person(), Barrier(5)

        def call(who: Person = who, gate: Barrier = gate) -> str:
            try:
                connection.ensure_connection()
                gate.wait(30)
                return derived(who, now)
            finally:
                connection.close()

        with ThreadPoolExecutor(5) as crowd:
            texts = {one.result() for one in [crowd.submit(call) for _ in range(5)]}
        assert len(texts) == 1
        assert Key.objects.filter(customer=who.id).count() == 1


def test_the_database_keeps_a_second_derived_key_out(person: MakePerson, now: datetime) -> None:
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
        keys.key_for_password(name, password, secrets=SECRETS, now=now)
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
def test_what_ends_sessions_ends_keys_for_good(person: MakePerson, now: datetime, end: str) -> None:
    who, other = person(), person()
    texts = [made(who, now), derived(who, now)]
    bystander = made(other, now)
    ENDS[end](who, now)
    assert [queries.key_owner(text, secrets=SECRETS) for text in texts] == [None, None]
    assert queries.key_owner(bystander, secrets=SECRETS) is not None
    assert queries.keys(who.id, after=None, limit=10) == []
    if end.startswith("deactivation"):
        Customer.objects.filter(pk=who.id).update(is_active=True)
        assert [queries.key_owner(text, secrets=SECRETS) for text in texts] == [None, None]
        assert derived(who, now) not in texts


def test_a_key_of_an_inactive_account_is_nobodys_even_if_it_did_not_end(
    person: MakePerson, now: datetime
) -> None:
    who = person()
    text = made(who, now)
    Customer.objects.filter(pk=who.id).update(is_active=False)
    Key.objects.update(ended_at=None)
    assert queries.key_owner(text, secrets=SECRETS) is None


def test_an_account_that_ended_gets_no_key(person: MakePerson, now: datetime) -> None:
    who = person(is_active=False)
    with pytest.raises(SessionEnded):
        keys.create_key(who.caller, "", now=now)
    with pytest.raises(InvalidCredentials):
        derived(who, now)


def test_keys_are_deleted_by_their_owner_alone_and_once(person: MakePerson, now: datetime) -> None:
    who, other = person(), person()
    key = keys.create_key(who.caller, "till", now=now)
    for somebody, times in ((other, 1), (who, 2)):
        for time in range(times):
            if somebody is who and time == 0:
                keys.delete_key(who.id, key.id, now=now)
                continue
            with pytest.raises(NotFound):
                keys.delete_key(somebody.id, key.id, now=now)
    assert queries.key_owner(str(key.text), secrets=SECRETS) is None
