"""Who may use which operation: docs/reference/permissions.md, against every path of the URLs.

The page has a row for each operation of v1 and of the earlier contracts. Each is sent as every kind
of caller. `WRITE_MATRIX=1` writes the rows anew from the code; a reviewer reads their differences.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group

from larder.core.clock import now
from larder.http import authentication
from larder.identity import permissions
from larder.identity.caller import Caller
from larder.identity.models import Customer, Key, Session
from larder.identity.tokens import V1
from tests.conftest import ROLES, Api, Person
from tests.identity.operations import (
    FOUND,
    OPEN,
    OWN,
    PASSWORD_ONLY,
    Row,
    Sender,
    _has,
    own_account,
    sender,
    staff_needs,
    unexpected,
)

__all__ = ["sender"]


def test_roles_equal_those_of_the_migration() -> None:
    """The page's columns are `ROLES`; the next test sends with the rows of the database."""
    assert set(ROLES) == {"viewer", "warehouse", "catalogue", "support", "owner"}


@pytest.mark.django_db
@pytest.mark.parametrize("role", ROLES)
def test_the_database_has_the_permissions_of_a_role(role: str) -> None:
    rows = Group.objects.get(name=role).permissions.values_list(
        "content_type__app_label", "codename"
    )
    assert {f"{app}.{codename}" for app, codename in rows} == ROLES[role]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_exactly_the_operations_on_the_page(
    role: str, person: Any, as_: Any, sender: Callable[..., Sender]
) -> None:
    send, held = sender(as_(person(is_staff=True, role=role))), ROLES[role]
    assert unexpected(send, staff_needs(held)) == own_account(held)


def test_a_superuser_may_do_everything(
    person: Any, as_: Any, sender: Callable[..., Sender]
) -> None:
    send = sender(as_(person(is_staff=True, is_superuser=True)))
    assert unexpected(send, staff_needs(permissions.ALL)) == []


def test_a_customer_may_do_no_operation_of_staff(
    customer: Api, sender: Callable[..., Sender]
) -> None:
    assert unexpected(sender(customer), staff_needs(permissions.NO_PERMISSIONS)) == []


def test_a_role_without_is_staff_gives_nothing(
    person: Any, as_: Any, sender: Callable[..., Sender]
) -> None:
    who = person()
    who.customer.groups.add(Group.objects.get(name="owner"))
    assert unexpected(sender(as_(who)), staff_needs(permissions.NO_PERMISSIONS)) == []


def test_an_anonymous_request_is_refused_with_401(api: Api, sender: Callable[..., Sender]) -> None:
    assert unexpected(sender(api), lambda needs: None if needs == OPEN else {401}) == []


def _demote(who: Person) -> None:
    Customer.objects.filter(pk=who.id).update(is_staff=False)


def _take_roles(who: Person) -> None:
    who.customer.groups.clear()


@pytest.mark.parametrize("lower", [_demote, _take_roles])
def test_a_demoted_account_may_do_no_operation_of_staff_with_an_earlier_token(
    lower: Callable[[Person], None], person: Any, as_: Any, sender: Callable[..., Sender]
) -> None:
    who = person(is_staff=True)
    api = as_(who)
    lower(who)
    who.customer.refresh_from_db()
    held = permissions.NO_PERMISSIONS
    expected = own_account(held) if who.customer.is_staff else []
    assert unexpected(sender(api), staff_needs(held)) == expected


def _deactivate(who: Person) -> None:
    Customer.objects.filter(pk=who.id).update(is_active=False)


def _revoke(who: Person) -> None:
    Session.objects.filter(customer=who.id).update(ended_at=now())


@pytest.mark.parametrize("end", [_deactivate, _revoke])
def test_an_ended_token_of_staff_may_do_no_operation(
    end: Callable[[Person], None],
    person: Any,
    as_: Any,
    sender: Callable[..., Sender],
) -> None:
    who = person(is_staff=True)
    api = as_(who)
    end(who)
    authentication.ENDED_SESSIONS.read()
    assert unexpected(sender(api), lambda needs: None if needs == OPEN else {401}) == []


def test_an_expired_token_of_staff_may_do_no_operation(
    person: Any, as_: Any, sender: Callable[..., Sender]
) -> None:
    who = person(is_staff=True, role="owner")
    as_(who)
    session = Session.objects.get(customer=who.id).id
    caller = Caller(who.id, who.customer.public_id, is_staff=True, session=session)
    live = authentication.signer().access(caller, now=now())
    assert Api(live)("GET", "me").status == 200
    expired = authentication.signer().access(caller, now=now() - V1.access - timedelta(seconds=1))
    assert unexpected(sender(Api(expired)), lambda needs: None if needs == OPEN else {401}) == []


ROLE_OF_KEY = ROLES["warehouse"]


def _key_of(who: Person, as_: Any, **limits: Any) -> str:
    answer = as_(who)("POST", "auth/keys", {"name": "matrix", **limits})
    assert answer.status == 201, answer.body
    return str(answer.body["key"])


def test_a_key_may_do_the_operations_of_its_owner(
    person: Any, as_: Any, sender: Callable[..., Sender]
) -> None:
    who = person(is_staff=True, role="warehouse")
    send, held = sender(Api(), Authorization=f"Token {_key_of(who, as_)}"), ROLE_OF_KEY
    assert unexpected(send, staff_needs(held)) == own_account(held)


def _needs_of_key(row: Row) -> str:
    """Returns the permissions that a key with named permissions needs: for operations of any
    account, those listed for keys. `DELETE auth/keys` checks separately: a key may end itself.
    """
    if row.operation == "DELETE /api/v1/auth/keys/<id:key>":
        return row.for_others
    return row.for_key or row.needs


@pytest.mark.parametrize("named", [ROLES["warehouse"], permissions.NO_PERMISSIONS])
def test_a_key_with_named_permissions_may_do_no_other_operations(
    named: frozenset[str], person: Any, as_: Any, sender: Callable[..., Sender]
) -> None:
    """Also at the earlier contracts.

    Its owner may do everything. Without a permission the key neither reads nor changes the
    account, addresses, sessions, keys, orders and cart of its owner.
    """
    who = person(is_staff=True, role="owner")
    send = sender(Api(), Authorization=f"Token {_key_of(who, as_, permissions=sorted(named))}")
    wrong = {}
    for operation in FOUND:
        if operation.row.operation == PASSWORD_ONLY:
            continue
        is_refused, may = send(operation) in {401, 403}, _has(named, _needs_of_key(operation.row))
        if is_refused == may:
            wrong[operation.row.operation] = may
    assert wrong == {}


def test_only_operations_common_to_all_accounts_need_no_permission_of_a_key() -> None:
    shared = {"/api/", "/api/catalog/", "/api/identity/", "/token/"}
    of_catalogue = ("product", "categories", "stock", "catalog/products")
    for operation in FOUND:
        row, (method, path) = operation.row, operation.row.operation.split(" ")
        if row.needs != OWN or _needs_of_key(row) != OWN:
            continue
        rest = path.removeprefix("/api/v1").removeprefix("/api").removeprefix("/")
        is_shared = path in shared or rest.startswith(of_catalogue) or rest == "me"
        assert (method, is_shared) == ("GET", True), row.operation


@pytest.mark.parametrize("end", ["ended_at", "expires_at"])
def test_an_ended_key_may_do_no_operation(
    end: str, person: Any, as_: Any, sender: Callable[..., Sender]
) -> None:
    who = person(is_staff=True)
    key = _key_of(who, as_)
    Key.objects.filter(customer=who.id).update(**{end: now() - timedelta(seconds=1)})
    send = sender(Api(), Authorization=f"Token {key}")
    assert unexpected(send, lambda needs: None if needs == OPEN else {401}) == []


@pytest.mark.parametrize("role", [*ROLES, None])
def test_orders_of_other_customers_need_the_permission(
    role: str | None, person: Any, as_: Any, product: Any, sender: Callable[..., Sender]
) -> None:
    """A role reads, changes and cancels orders of others only with the permission.

    Customers do not find them.
    """
    mine = as_(person())
    jam = product()
    placed = mine("POST", "orders", {"lines": [{"product": jam, "quantity": 1}]}).body["id"]
    staff = as_(person(is_staff=True, role=role)) if role else as_(person())
    held = ROLES[role] if role else permissions.NO_PERMISSIONS
    sees = "orders.view_order" in held
    refused = 403 if role else 404
    assert staff("GET", f"orders/{placed}").status == (200 if sees else refused)
    assert staff("GET", f"orders/{placed}/events").status == (200 if sees else refused)
    changed = staff("PATCH", f"orders/{placed}", {"note": "hurry"})
    assert changed.status == (200 if "orders.change_order" in held else refused)
    cancelled = staff("POST", f"orders/{placed}/cancel", {})
    assert cancelled.status == (200 if "orders.cancel_order" in held else refused)
    if cancelled.status == 403:
        assert cancelled.body["code"] == "permission_missing"
        assert cancelled.body["permission"] == "orders.cancel_order"


def test_a_missing_permission_is_named(person: Any, as_: Any) -> None:
    """Earlier, the permission to change orders gave access to the whole API."""
    who = as_(person(is_staff=True, role="support"))
    answer = who("POST", "products", {"sku": "A", "name": "A", "price": "0.01"})
    assert (answer.status, answer.body["code"]) == (403, "permission_missing")
    assert answer.body["permission"] == "catalog.add_product"
    assert who("GET", "me").body["permissions"] == sorted(ROLES["support"])
