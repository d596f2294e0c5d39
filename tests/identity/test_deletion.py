"""Changing and deleting an account: what is deleted, what is kept, and concurrent requests."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from threading import Barrier

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError, connection, transaction

from larder.core.errors import AlreadyTaken, DomainError, InvalidInput, NotFound, StaleVersion
from larder.core.ids import SYSTEM_ACTOR
from larder.identity import queries
from larder.identity.errors import InvalidCredentials
from larder.identity.models import Customer, Key, Session
from larder.identity.services import accounts, credentials, keys, passwords, sessions
from larder.identity.services.accounts import NewCustomer
from larder.identity.services.sessions import Credentials
from larder.identity.tokens import V1
from larder.ops.books import invariants
from tests.conftest import Person
from tests.identity.conftest import SIGNER
from tests.ops import busy_shop
from tests.tiers import LONGEST

MakePerson = Callable[..., Person]
SECRETS = ["the secret of these tests, long enough to be one"]


def test_a_deleted_account_has_no_personal_data(person: MakePerson, now: datetime) -> None:
    personal = {"email": "anna@example.com", "first_name": "Anna", "last_name": "Smith"}
    who = person("Anna", is_staff=True, is_superuser=True, last_login=now, **personal)
    person(is_staff=True, is_superuser=True)  # the last owner stays
    who.customer.groups.add(Group.objects.create(name="Clerks"))
    who.customer.user_permissions.add(*Permission.objects.all()[:2])
    accounts.delete_account(who.id, now=now)
    row = Customer.objects.get(pk=who.id)
    assert row.username.startswith("deleted-")
    assert (row.email, row.first_name, row.last_name, row.last_login) == ("", "", "", None)
    assert {row.is_active, row.is_staff, row.is_superuser, row.may_order} == {False}
    assert not row.has_usable_password()
    assert (row.groups.count(), row.user_permissions.count()) == (0, 0)
    assert (row.public_id, row.deleted_at) == (who.customer.public_id, now)


def test_keys_of_a_deleted_account_have_no_names(person: MakePerson, now: datetime) -> None:
    who, other = person(), person()
    for owner in (who, who, other):
        keys.create_key(owner.caller, "Anna's telephone", now=now)
    keys.delete_key(
        Key.objects.filter(customer=who.id)[0].pk, caller=who.caller, of_any=False, now=now
    )
    accounts.delete_account(who.id, now=now)
    assert set(Key.objects.filter(customer=who.id).values_list("name", flat=True)) == {""}
    assert Key.objects.get(customer=other.id).name == "Anna's telephone"


def test_the_name_and_address_of_a_deleted_account_can_be_used_again(
    person: MakePerson, now: datetime
) -> None:
    person("Anna", email="anna@example.com")
    first = Customer.objects.get(username="Anna")
    accounts.delete_account(first.pk, now=now)
    again = NewCustomer(username="anna", password=None, email="anna@example.com")
    assert accounts.register(again, policy="open", now=now).id != first.pk


def test_a_second_deletion_changes_nothing(person: MakePerson, now: datetime) -> None:
    who = person()
    accounts.delete_account(who.id, now=now)
    name = Customer.objects.get(pk=who.id).username
    accounts.delete_account(who.id, now=now)
    assert Customer.objects.get(pk=who.id).username == name


def test_deleted_customers_are_not_listed_and_orders_can_name_them(
    person: MakePerson, now: datetime
) -> None:
    who, other = person(), person()
    accounts.delete_account(who.id, now=now)
    assert [customer.id for customer in queries.profiles(limit=9)] == [other.id]
    assert queries.count_profiles() == 1
    with pytest.raises(NotFound):
        queries.profile(who.id)
    with pytest.raises(NotFound):
        queries.profile_by_public_id(who.customer.public_id)


def test_profiles_are_listed_by_id_in_pages(person: MakePerson) -> None:
    ids = [person().id for _ in range(5)]
    assert [customer.id for customer in queries.profiles(limit=9)] == ids
    assert [customer.id for customer in queries.profiles(after=ids[1], limit=2)] == ids[2:4]
    assert [customer.id for customer in queries.profiles(offset=1, limit=2)] == ids[1:3]
    assert [customer.id for customer in queries.profiles(offset=4, limit=9)] == ids[4:]


@pytest.mark.parametrize(
    "column", [{"is_active": True}, {"is_staff": True}, {"is_superuser": True}, {"may_order": True}]
)
def test_the_database_refuses_to_restore_a_deleted_account(
    person: MakePerson, now: datetime, column: dict[str, bool]
) -> None:
    who = person()
    accounts.delete_account(who.id, now=now)
    with pytest.raises(IntegrityError, match="customer_deleted_is_nobody"), transaction.atomic():
        Customer.objects.filter(pk=who.id).update(**column)


def test_nothing_is_written_to_a_deleted_account(person: MakePerson, now: datetime) -> None:
    who = person()
    accounts.delete_account(who.id, now=now)
    before = Customer.objects.filter(pk=who.id).values().get()
    with pytest.raises(NotFound):
        accounts.change_profile(who.id, {"first_name": "Anna"})
    passwords.set_password(who.id, who.customer.password, now=now)
    assert Customer.objects.filter(pk=who.id).values().get() == before


def test_a_deletion_keeps_orders_and_ledger_and_all_invariants(
    transactional_db: None, now: datetime
) -> None:
    shop = busy_shop.open_shop()
    busy_shop.trade(shop, seed=1, steps=20)
    looked_at = invariants.check().looked_at
    for customer in Customer.objects.values_list("pk", flat=True):
        accounts.delete_account(customer, now=now)
    report = invariants.check()
    assert [finding.invariant.name for finding in report.violated] == []
    assert report.looked_at == looked_at


def log_in(who: Person, now: datetime) -> object:
    """A log-in at v1."""
    return sessions.log_in(
        Credentials(who.customer.username, who.password),
        policy=V1,
        signer=SIGNER,
        now=now,
    )


def make_key(who: Person, now: datetime) -> object:
    """A random key."""
    return keys.create_key(who.caller, "", now=now)


def derive_key(who: Person, now: datetime) -> object:
    """The derived key, by the password."""
    return keys.key_for_password(
        who.customer.username, who.password, channel="contract0", secrets=SECRETS, now=now
    )


@pytest.mark.parametrize("enter", [log_in, make_key, derive_key])
def test_sessions_and_keys_created_during_a_deletion_end_with_it(
    transactional_db: None,
    person: MakePerson,
    now: datetime,
    enter: Callable[[Person, datetime], object],
) -> None:
    for _ in range(3):
        who, gate = person(), Barrier(5)

        def run(action: Callable[[], object], gate: Barrier = gate) -> None:
            try:
                connection.ensure_connection()
                gate.wait(LONGEST)
                action()
            except DomainError:
                pass
            finally:
                connection.close()

        actions: list[Callable[[], object]] = [partial(enter, who, now)] * 4
        actions.append(partial(accounts.delete_account, who.id, now=now))
        with ThreadPoolExecutor(5) as crowd:
            list(crowd.map(run, actions))
        assert not Session.objects.filter(customer=who.id, ended_at=None).exists()
        assert not Key.objects.filter(customer=who.id, ended_at=None).exists()


def test_a_profile_change_writes_the_given_fields_and_no_rights(
    person: MakePerson,
) -> None:
    who = person("Anna", email="anna@example.com")
    accounts.change_profile(who.id, {"first_name": "Anna", "is_staff": "yes"})
    profile = queries.profile(who.id)
    assert (profile.username, profile.email, profile.first_name) == (
        "Anna",
        "anna@example.com",
        "Anna",
    )
    assert not profile.is_staff
    assert profile.version == 2


def test_a_name_is_normalised_and_unique_as_at_registration(person: MakePerson) -> None:
    who = person("Anna", email="anna@example.com")
    person("Bert", email="bert@example.com")
    accounts.change_profile(who.id, {"username": "\uff21NNA"})
    assert queries.profile(who.id).username == "ANNA"
    with pytest.raises(AlreadyTaken, match="username_taken"):
        accounts.change_profile(who.id, {"username": "BERT"})
    with pytest.raises(AlreadyTaken, match="email_taken"):
        accounts.change_profile(who.id, {"email": "BERT@example.com"})
    with pytest.raises(InvalidInput):
        accounts.change_profile(who.id, {"username": "\ufdfa" * 150})


def test_a_change_or_deletion_of_an_outdated_version_is_refused(
    person: MakePerson, now: datetime
) -> None:
    who = person()
    accounts.change_profile(who.id, {"first_name": "Anna"}, version=1)
    with pytest.raises(StaleVersion):
        accounts.change_profile(who.id, {"first_name": "Bert"}, version=1)
    with pytest.raises(StaleVersion):
        accounts.delete_account(who.id, now=now, version=1)
    assert queries.profile(who.id).first_name == "Anna"


def test_an_account_without_a_password_refuses_every_log_in(db: None, now: datetime) -> None:
    account = accounts.register(
        NewCustomer(username="telephone", password=None), policy="open", now=now
    )
    assert not Customer.objects.get(pk=account.id).has_usable_password()
    for password in ("", "!", "None"):
        with pytest.raises(InvalidCredentials):
            credentials.authenticate("telephone", password)


def test_basic_authentication_gives_a_caller_without_a_session(person: MakePerson) -> None:
    who = person("Anna Smith", is_staff=True)
    caller = credentials.authenticate("ANNA SMITH", who.password)
    assert (caller.id, caller.is_staff, caller.session) == (who.id, True, None)
    assert caller.public_id != SYSTEM_ACTOR
    Customer.objects.filter(pk=who.id).update(is_active=False)
    with pytest.raises(InvalidCredentials):
        credentials.authenticate("Anna Smith", who.password)
