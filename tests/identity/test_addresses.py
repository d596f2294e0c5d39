"""A customer's addresses: their fields, their owner and their deletion."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from threading import Barrier
from uuid import UUID

import psycopg
import pytest
from django.db import connection
from psycopg import errors

from larder.core.errors import DomainError, NotFound, StaleVersion
from larder.core.ids import new_id
from larder.core.limits import MAX_ADDRESSES
from larder.identity import queries
from larder.identity.errors import SessionEnded, TooManyAddresses
from larder.identity.models import Address, Customer
from larder.identity.queries import ADDRESS_FIELDS
from larder.identity.services import accounts, addresses
from tests.conftest import Person
from tests.database import superuser_url

MakePerson = Callable[..., Person]


def add(who: Person, now: datetime, **fields: str) -> UUID:
    return UUID(addresses.add_address(who.caller, fields, now=now).result)


def fill(who: Person, now: datetime, *, short_of_the_most: int = 0) -> None:
    rows = [
        Address(customer_id=who.id, created_at=now)
        for _ in range(MAX_ADDRESSES - short_of_the_most)
    ]
    Address.objects.bulk_create(rows)


def test_every_field_of_an_address_is_stored_and_can_be_changed(
    person: MakePerson, now: datetime
) -> None:
    who = person()
    first = {name: name[:2].upper() for name in ADDRESS_FIELDS}
    address = add(who, now, **first)
    row = queries.addresses(who.id).row(address)
    assert {name: getattr(row, name) for name in ADDRESS_FIELDS} == first
    second = {name: name[-2:].upper() for name in ADDRESS_FIELDS}
    addresses.change_address(who.caller, address, second, version=row.version)
    changed = queries.addresses(who.id).row(address)
    assert {name: getattr(changed, name) for name in ADDRESS_FIELDS} == second
    assert changed.version == row.version + 1


def test_only_the_fields_of_an_address_are_written(person: MakePerson, now: datetime) -> None:
    who, other = person(), person()
    address = add(who, now, label="Home")
    addresses.change_address(who.caller, address, {"customer_id": str(other.id), "city": "Bath"})
    assert queries.addresses(who.id).row(address).city == "Bath"


def test_an_address_of_another_customer_is_not_found(person: MakePerson, now: datetime) -> None:
    who, other = person(), person()
    address = add(who, now, label="Home")
    for attempt in (
        lambda: queries.addresses(other.id).row(address),
        lambda: addresses.change_address(other.caller, address, {"label": "Mine"}),
        lambda: addresses.delete_address(other.caller, address),
        lambda: addresses.delete_address(who.caller, new_id()),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert queries.addresses(other.id).page(limit=9).rows == []
    assert queries.addresses(who.id).row(address).label == "Home"


def test_a_change_or_a_deletion_of_an_older_version_is_refused(
    person: MakePerson, now: datetime
) -> None:
    who = person()
    address = add(who, now)
    addresses.change_address(who.caller, address, {"label": "Home"}, version=1)
    with pytest.raises(StaleVersion) as refused:
        addresses.change_address(who.caller, address, {"label": "Work"}, version=1)
    assert refused.value.version == 2
    with pytest.raises(StaleVersion):
        addresses.delete_address(who.caller, address, version=1)
    addresses.delete_address(who.caller, address, version=2)
    assert queries.addresses(who.id).page(limit=9).rows == []


def test_the_addresses_of_an_account_are_limited(person: MakePerson, now: datetime) -> None:
    who, other = person(), person()
    fill(who, now)
    with pytest.raises(TooManyAddresses):
        add(who, now)
    add(other, now)


def test_a_deleted_account_has_no_address_and_gets_none(person: MakePerson, now: datetime) -> None:
    who, other = person(), person()
    add(who, now, name="Ada", line1="12 St James's Sq"), add(other, now)
    accounts.delete_account(who.id, now=now)
    assert list(Address.objects.values_list("customer", flat=True)) == [other.id]
    with pytest.raises(SessionEnded):
        add(who, now)


def test_an_ended_session_changes_and_deletes_no_address(person: MakePerson, now: datetime) -> None:
    who = person()
    address = add(who, now, label="Home")
    Customer.objects.filter(id=who.id).update(is_active=False)
    with pytest.raises(SessionEnded):
        addresses.change_address(who.caller, address, {"label": "Work"})
    with pytest.raises(SessionEnded):
        addresses.delete_address(who.caller, address)
    assert queries.addresses(who.id).row(address).label == "Home"


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Makes all calls at the same time; returns their results or errors."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return call()
        except DomainError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.mark.django_db(transaction=True)
def test_concurrent_requests_cannot_exceed_the_limit(person: MakePerson, now: datetime) -> None:
    who = person()
    fill(who, now, short_of_the_most=1)
    answers = at_once(*[partial(add, who, now)] * 6)
    assert sum(isinstance(answer, UUID) for answer in answers) == 1
    assert Address.objects.count() == MAX_ADDRESSES


@pytest.mark.django_db(transaction=True)
def test_an_address_added_during_a_deletion_is_deleted(person: MakePerson, now: datetime) -> None:
    for _ in range(5):
        who = person()
        delete = partial(accounts.delete_account, who.id, now=now)
        at_once(delete, *[partial(add, who, now)] * 4)
        assert not Address.objects.filter(customer=who.id).exists()


def test_the_read_only_role_cannot_read_addresses(db: None) -> None:
    with psycopg.connect(superuser_url()) as reader:
        reader.execute("SET ROLE larder_readonly")
        with pytest.raises(errors.InsufficientPrivilege):
            reader.execute("SELECT * FROM identity.address")
