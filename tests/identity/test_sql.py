"""STANDING, RIGHTS, KEY_OWNER, ACCOUNT_NAMED and RECORD return and write the same as the ORM."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission

from larder.core.ids import new_id
from larder.db import database
from larder.identity import queries, sql
from larder.identity.models import AuditEntry, Customer, Key, Session
from larder.identity.services import audit
from tests.conftest import Person

FAR = datetime.now(UTC) + timedelta(days=1)
PAST = FAR - timedelta(days=2)


def test_standing_has_the_columns_that_the_orm_finds(person: Callable[..., Person]) -> None:
    people = [person(), person(is_staff=True), person(may_order=False), person(is_active=False)]
    ids = [customer.id for customer in people]
    columns = ("id", "is_active", "is_staff", "may_order", "public_id")
    rows = Customer.objects.filter(id__in=ids).values_list(*columns)
    assert queries.submit_standing([*ids, 10**9])() == {
        row[0]: queries.Standing(*row[1:]) for row in rows
    }


def test_recording_writes_what_the_orm_would(person: Callable[..., Person]) -> None:
    who = person(is_staff=True).customer.public_id
    entries = [
        audit.Entry(
            "product:1", "change", {"price": Decimal("2.950")}, {"price": Decimal("0.010")}
        ),
        audit.Entry(
            "order:x", 'a "quoted" \\ action', {}, {"note": 'ü, {"a"} \\ NULL', "no": None}
        ),
    ]
    with audit.acting(who, "v1"):
        audit.record_all(entries)
    rows = AuditEntry.objects.filter(actor=who).order_by("id")
    assert [(row.object, row.action, row.before, row.after) for row in rows] == [
        ("product:1", "change", {"price": "2.95"}, {"price": "0.01"}),
        ("order:x", 'a "quoted" \\ action', {}, {"note": 'ü, {"a"} \\ NULL', "no": None}),
    ]
    assert {(row.actor, row.channel) for row in rows} == {(who, "v1")}
    assert AuditEntry.objects.create(actor=who, channel="v1", object="x", action="y").at is not None


def keys_of(who: Person) -> dict[str, Key]:
    """A key of each kind: live with and without an end, expired, ended."""
    ends = {
        "live": (None, None),
        "ends": (FAR, None),
        "expired": (PAST, None),
        "ended": (FAR, PAST),
    }
    return {
        name: Key.objects.create(
            customer=who.customer,
            digest=new_id().bytes * 2,
            created_at=PAST,
            expires_at=expires_at,
            ended_at=ended_at,
        )
        for name, (expires_at, ended_at) in ends.items()
    }


def of(customer: int, **credential: UUID | None) -> dict[str, Any]:
    """Returns the parameters of RIGHTS."""
    return {"factor": None, "key": None, "session": None, "customer": customer, **credential}


@pytest.mark.parametrize(
    "fields", [{}, {"is_staff": True}, {"is_staff": True, "role": None}, {"is_superuser": True}]
)
def test_rights_are_those_of_djangos_backend(
    person: Callable[..., Person], fields: dict[str, object]
) -> None:
    who = person(**fields).customer
    granted = Permission.objects.filter(codename__in=["view_order", "add_product"])
    who.user_permissions.add(*granted)
    ((*flags, permissions, has_factor, proven, _),) = database.rows(sql.RIGHTS, of(who.id))
    assert flags == [who.is_active, who.is_staff, who.is_superuser]
    assert (has_factor, proven) == (False, False)
    backend, user = ModelBackend(), Customer.objects.get(id=who.id)
    by_user, by_group = (
        backend.get_user_permissions(user),
        backend.get_group_permissions(user),
    )
    if not who.is_superuser:
        assert (
            set(permissions) == by_user | by_group >= {"orders.view_order", "catalog.add_product"}
        )
    Customer.objects.filter(id=who.id).update(is_active=False)
    assert database.rows(sql.RIGHTS, of(who.id))[0][0] is False
    assert database.rows(sql.RIGHTS, of(10**9)) == []


def is_live(who: Person, *, key: UUID | None, session: UUID | None) -> bool:
    return bool(database.rows(sql.RIGHTS, of(who.id, key=key, session=session))[0][-1])


def test_rights_know_live_credentials_as_the_orm_does(person: Callable[..., Person]) -> None:
    who, other = person(is_staff=True), person()
    for key in keys_of(who).values():
        expected = Key.objects.live().filter(id=key.id).exists()
        assert is_live(who, key=key.id, session=None) == expected
    row = {"created_at": PAST, "rotated_at": PAST, "expires_at": FAR}
    sessions = [
        Session.objects.create(customer=customer.customer, policy="v1", ended_at=ended_at, **row)
        for customer, ended_at in [(who, None), (who, PAST), (other, None)]
    ]
    for session in sessions:
        expected = session.ended_at is None and session.customer_id == who.id
        assert is_live(who, key=None, session=session.id) == expected
    assert is_live(who, key=None, session=None)


def test_the_owner_of_a_key_is_the_one_that_the_orm_finds(person: Callable[..., Person]) -> None:
    keys = [*keys_of(person(is_staff=True)).values(), *keys_of(person(is_active=False)).values()]
    columns = ("customer_id", "customer__public_id", "customer__is_staff", "generation", "id")
    owners = []
    for key in keys:
        rows = Key.objects.live().filter(digest=key.digest, customer__is_active=True)
        expected = list(rows.values_list(*columns, "permissions"))
        owners += database.rows(sql.KEY_OWNER, [key.digest])
        assert [row[:-1] for row in database.rows(sql.KEY_OWNER, [key.digest])] == expected
    assert len(owners) == 2


@pytest.mark.parametrize("name", ["Zoë", "ZOË", "zoe"])
def test_an_account_is_found_by_each_spelling_of_its_name(
    person: Callable[..., Person], name: str
) -> None:
    assert database.rows(sql.ACCOUNT_NAMED, [name]) == [("zoe", None)]
    who = person("Zoë")
    assert database.rows(sql.ACCOUNT_NAMED, [name]) == [("zoe", who.id)]


@pytest.mark.parametrize("name", ["zo%", "zo_", ""])
def test_a_pattern_finds_no_account(person: Callable[..., Person], name: str) -> None:
    person("Zoë")
    assert database.rows(sql.ACCOUNT_NAMED, [name]) == [(name, None)]
