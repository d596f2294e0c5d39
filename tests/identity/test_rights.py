"""Rights of staff: no account raises its own, or grants missing ones; one owner remains."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission

from larder.core.errors import NotStaff, PermissionMissing
from larder.http.authentication import secrets
from larder.identity import permissions, queries
from larder.identity.errors import LastOwner, OwnRights, ResetTokenInvalid, SessionEnded
from larder.identity.models import AuditEntry, Customer, Key
from larder.identity.queries import credentials
from larder.identity.services import accounts, audit, keys, passwords, rights
from tests.conftest import ROLES, Api, Person
from tests.identity.conftest import log_in_at_the_admin

MakePerson = Callable[..., Person]


def change(actor: Person, account: Person, now: datetime, **columns: Any) -> None:
    if "roles" in columns:
        columns["groups"] = [role(name).pk for name in columns.pop("roles")]
    accounts.update_account(account.id, columns, actor=actor.caller, now=now)


def role(name: str) -> Group:
    return Group.objects.get(name=name)


def ids_of(*names: str) -> list[int]:
    return [
        Permission.objects.get(
            content_type__app_label=name.split(".")[0], codename=name.split(".")[1]
        ).pk
        for name in names
    ]


@pytest.fixture
def owner(person: MakePerson) -> Person:
    return person(is_staff=True, role="owner")


def test_an_owner_makes_staff_and_takes_the_right_away(
    owner: Person, person: MakePerson, now: datetime
) -> None:
    who = person()
    change(owner, who, now, is_staff=True, roles=["warehouse"])
    assert "orders.pack_order" in queries.rights(who.id).permissions
    change(owner, who, now, roles=[])
    assert queries.rights(who.id).permissions == frozenset()


@pytest.mark.parametrize("columns", [{"is_staff": False}, {"roles": []}, {"is_active": False}])
def test_staff_cannot_change_their_own_rights(
    columns: dict[str, Any], owner: Person, person: MakePerson, now: datetime
) -> None:
    person(is_staff=True, role="owner")
    with pytest.raises(OwnRights):
        change(owner, owner, now, **columns)


@pytest.mark.parametrize("name", ["viewer", "warehouse", "catalogue", "support"])
def test_a_role_without_the_permission_changes_no_rights(
    name: str, owner: Person, person: MakePerson, now: datetime
) -> None:
    clerk, who = person(is_staff=True, role=name), person()
    raising: list[dict[str, Any]] = [{"is_staff": True}, {"is_superuser": True}]
    for columns in (*raising, {"roles": ["viewer"]}):
        with pytest.raises(PermissionMissing):
            change(clerk, who, now, **columns)
    taking_over: list[dict[str, Any]] = [{"first_name": "X"}, {"password": "x"}]
    for columns in (*taking_over, {"is_active": False}):
        with pytest.raises(PermissionMissing):
            change(clerk, owner, now, **columns)
    with pytest.raises(PermissionMissing):
        rights.save_role(
            clerk.caller, role(name).pk, name, ids_of("identity.manage_rights"), now=now
        )
    with pytest.raises(NotStaff):
        rights.save_role(who.caller, None, "mine", [], now=now)


def test_staff_cannot_grant_rights_that_they_do_not_have(person: MakePerson, now: datetime) -> None:
    clerk, who = person(is_staff=True, role="support"), person()
    clerk.customer.user_permissions.add(*ids_of("identity.manage_rights"))
    change(clerk, who, now, is_staff=True, roles=["viewer"])
    with pytest.raises(PermissionMissing, match=r"permission_missing") as refused:
        change(clerk, who, now, roles=["warehouse"])
    missing = {
        error.permission for error in refused.value.all if isinstance(error, PermissionMissing)
    }
    warehouse, support = ROLES["warehouse"], ROLES["support"]
    assert missing == set(warehouse) - set(support)
    assert len(missing) > 1
    with pytest.raises(PermissionMissing) as refused:
        change(clerk, who, now, roles=["warehouse"], is_superuser=True)
    named = {
        error.permission for error in refused.value.all if isinstance(error, PermissionMissing)
    }
    assert named == missing | {"is_superuser"}
    with pytest.raises(PermissionMissing):
        rights.save_role(clerk.caller, None, "mine", ids_of("orders.pack_order"), now=now)
    with pytest.raises(PermissionMissing):
        rights.save_role(clerk.caller, role("warehouse").pk, "warehouse", [], now=now)
    with pytest.raises(PermissionMissing):
        rights.delete_role(clerk.caller, role("owner").pk)
    with pytest.raises(PermissionMissing):
        change(clerk, who, now, is_superuser=True)


def test_an_owner_cannot_change_a_superuser(
    owner: Person, person: MakePerson, now: datetime
) -> None:
    boss = person(is_staff=True, is_superuser=True)
    with pytest.raises(PermissionMissing):
        change(owner, boss, now, first_name="X")
    change(boss, owner, now, first_name="X")


def _demote(actor: Person, last: Person, now: datetime) -> None:
    change(actor, last, now, is_staff=False)


def _deactivate(actor: Person, last: Person, now: datetime) -> None:
    change(actor, last, now, is_active=False)


def _take_role(actor: Person, last: Person, now: datetime) -> None:
    change(actor, last, now, roles=["viewer"])


def _delete(actor: Person, last: Person, now: datetime) -> None:
    accounts.delete_account(last.id, now=now)


def _delete_role(actor: Person, last: Person, now: datetime) -> None:
    rights.delete_role(actor.caller, role("owner").pk)


def _empty_role(actor: Person, last: Person, now: datetime) -> None:
    rights.save_role(actor.caller, role("owner").pk, "owner", [], now=now)


@pytest.mark.parametrize("remove", [_delete, _delete_role, _empty_role])
def test_the_last_owner_cannot_be_removed(
    remove: Callable[[Person, Person, datetime], None], owner: Person, now: datetime
) -> None:
    with pytest.raises(LastOwner):
        remove(owner, owner, now)


def test_a_deactivated_account_is_no_owner(
    owner: Person, person: MakePerson, now: datetime
) -> None:
    other = person(is_staff=True, role="owner")
    Customer.objects.filter(pk=other.id).update(is_active=False)
    with pytest.raises(LastOwner):
        _delete(owner, owner, now)


def test_an_account_with_the_permission_itself_is_an_owner(
    owner: Person, person: MakePerson, now: datetime
) -> None:
    other = person(is_staff=True, role=None)
    other.customer.user_permissions.set(ids_of(rights.MANAGE))
    _delete(owner, owner, now)
    with pytest.raises(LastOwner):
        _delete(other, other, now)


@pytest.mark.parametrize("remove", [_demote, _deactivate, _take_role, _delete_role, _empty_role])
def test_a_deactivated_owner_cannot_remove_another(
    remove: Callable[[Person, Person, datetime], None],
    owner: Person,
    person: MakePerson,
    now: datetime,
) -> None:
    # The actor was an owner when the request began, and has been deactivated since.
    actor = person(is_staff=True, role="owner")
    caller = actor.caller
    Customer.objects.filter(pk=actor.id).update(is_active=False)
    stale = _WithCaller(actor.customer, actor.password, caller)
    with pytest.raises(SessionEnded):
        remove(stale, owner, now)
    assert queries.rights(owner.id).permissions == permissions.ALL


class _WithCaller(Person):
    """A person whose request was authenticated before."""

    def __init__(self, customer: Customer, password: str, caller: Any) -> None:
        super().__init__(customer, password)
        object.__setattr__(self, "_caller", caller)

    @property
    def caller(self) -> Any:
        return object.__getattribute__(self, "_caller")


def test_the_last_owner_cannot_delete_the_account_through_the_api(
    owner: Person, as_: Callable[[Person], Api]
) -> None:
    answer = as_(owner)("DELETE", "me")
    assert (answer.status, answer.body["code"]) == (409, "last_owner")
    assert Customer.objects.get(pk=owner.id).is_active


def test_a_change_of_rights_is_in_the_audit_trail(
    owner: Person, person: MakePerson, now: datetime
) -> None:
    who = person()
    with audit.acting(owner.customer.public_id, "admin"):
        change(owner, who, now, is_staff=True, roles=["viewer"])
        role = rights.save_role(owner.caller, None, "till", ids_of("orders.pack_order"), now=now)
        rights.save_role(owner.caller, role, "packing", ids_of("orders.pack_order"), now=now)
        rights.save_role(owner.caller, role, "packing", [], now=now)
        rights.delete_role(owner.caller, role)
    entries = AuditEntry.objects.order_by("id").values_list("object", "action", "before", "after")
    account = audit.customer_name(who.customer.public_id)
    assert (account, "change", {"roles": []}, {"roles": ["viewer"]}) in entries
    pack = {"permissions": ["orders.pack_order"]}
    none: dict[str, list[str]] = {"permissions": []}
    assert [entry[1:] for entry in entries if entry[0] == f"group:{role}"] == [
        ("create", {}, {"name": "till", **pack}),
        ("change", {"name": "till"}, {"name": "packing"}),
        ("change", pack, none),
        ("delete", {"name": "packing", **none}, {}),
    ]


def _make_staff(owner: Person, who: Person, now: datetime) -> None:
    change(owner, who, now, is_staff=True)


def _give_role(owner: Person, who: Person, now: datetime) -> None:
    change(owner, who, now, roles=["viewer", "warehouse"])


def _make_superuser(owner: Person, who: Person, now: datetime) -> None:
    boss = Person(Customer.objects.create_superuser("boss", "correct horse"), "correct horse")
    change(boss, who, now, is_superuser=True)


def _enlarge_role(owner: Person, who: Person, now: datetime) -> None:
    rights.save_role(owner.caller, role("viewer").pk, "viewer", ids_of(rights.ADD), now=now)


@pytest.mark.parametrize("gain", [_make_staff, _give_role, _make_superuser, _enlarge_role])
def test_a_gained_right_ends_sessions_and_keys_of_before(
    gain: Callable[[Person, Person, datetime], None], owner: Person, person: MakePerson
) -> None:
    now = datetime.now(UTC)
    who = person() if gain is _make_staff else person(is_staff=True, role="viewer")
    key = keys.create_key(who.caller, "mine", now=now).id
    session = log_in_at_the_admin(who, now)
    gain(owner, who, now)
    assert not Key.objects.ongoing().filter(pk=key).exists()
    account = Customer.objects.get(pk=who.id)
    assert not credentials.is_ongoing_session(session)
    assert account.check_password(who.password)


def test_a_link_ends_if_its_account_has_more_rights_than_who_saw_it(
    owner: Person, person: MakePerson
) -> None:
    who, now = person(), datetime.now(UTC)
    clerk = person(is_staff=True, role="support")
    offer = passwords.Offer(secrets()[0], None, now)
    links = [passwords.offer_reset(staff.caller, who.id, offer) for staff in (clerk, owner)]
    _make_staff(owner, who, now)
    rights.set_roles(who.id, [role("viewer").pk])
    Customer.objects.filter(pk=clerk.id).update(is_staff=False)
    with pytest.raises(ResetTokenInvalid):
        passwords.set_forgotten(links[0].token, "a longer passphrase", secrets=secrets(), now=now)
    passwords.set_forgotten(links[1].token, "a longer passphrase", secrets=secrets(), now=now)


def _use_link(clerk: Person, who: Person, now: datetime) -> None:
    link = passwords.offer_reset(clerk.caller, who.id, passwords.Offer(secrets()[0], None, now))
    passwords.set_forgotten(link.token, who.password, secrets=secrets(), now=now)


def _set_address(clerk: Person, who: Person, now: datetime) -> None:
    change(clerk, who, now, email="clerk@example.com")


def _set_address_with_known_password(clerk: Person, who: Person, now: datetime) -> None:
    _use_link(clerk, who, now)
    long_ago = now - timedelta(days=30)
    accounts.change_profile(who.id, {"email": "clerk@example.com"})
    Customer.objects.filter(pk=who.id).update(email_since=long_ago)


def _set_address_lately(clerk: Person, who: Person, now: datetime) -> None:
    accounts.change_profile(who.id, {"email": "thief@example.com"})


@pytest.mark.parametrize(
    ("setting", "fields"),
    [
        (_use_link, {"email"}),
        (_set_address, {"password"}),
        (_set_address_with_known_password, set()),
        (_set_address_lately, {"password"}),
    ],
)
def test_what_an_account_with_fewer_rights_set_does_not_carry_a_new_right(
    setting: Callable[[Person, Person, datetime], None],
    fields: set[str],
    owner: Person,
    person: MakePerson,
) -> None:
    now = datetime.now(UTC)
    who = person(email="tom@example.com")
    setting(person(is_staff=True, role="support"), who, now)
    change(owner, who, now, is_staff=True, roles=["warehouse"])
    account = Customer.objects.get(pk=who.id)
    usable = {"password": account.has_usable_password(), "email": bool(account.email)}
    assert {name for name, is_usable in usable.items() if is_usable} == fields


def test_a_password_that_the_granting_account_set_stays(owner: Person, person: MakePerson) -> None:
    now, who = datetime.now(UTC), person()
    _use_link(owner, who, now)
    change(owner, who, now, is_staff=True, roles=["owner"])
    assert Customer.objects.get(pk=who.id).check_password(who.password)


def test_who_is_staff_no_more_has_no_rights_left(
    owner: Person, person: MakePerson, now: datetime
) -> None:
    who = person(is_staff=True, role="owner")
    who.customer.user_permissions.add(*ids_of(rights.MANAGE))
    change(owner, who, now, is_staff=False)
    change(owner, who, now, is_staff=True)
    assert queries.rights(who.id).permissions == frozenset()


def test_rights_of_a_former_member_of_staff_are_granted_again_only_by_who_has_them(
    person: MakePerson, now: datetime
) -> None:
    clerk, who = person(is_staff=True, role="support"), person()
    clerk.customer.user_permissions.add(*ids_of(rights.MANAGE))
    who.customer.groups.add(role("owner"))
    with pytest.raises(PermissionMissing):
        change(clerk, who, now, is_staff=True)


def test_staff_need_a_permission_to_change_their_own_name(person: Any, as_: Any) -> None:
    packer = as_(person("packer", is_staff=True, role="warehouse"))
    for fields in ({"username": "the shop"}, {"email": "other@example.com"}):
        answer = packer("PATCH", "me", fields)
        assert (answer.status, answer.body["code"]) == (403, "permission_missing")
    assert packer("PATCH", "me", {"first_name": "Pat"}).status == 200
    assert packer("DELETE", "me").body["permission"] == "identity.delete_customer"
    helper = as_(person(is_staff=True, role="support"))
    assert helper("PATCH", "me", {"username": "helper"}).status == 200
    assert helper("DELETE", "me").status == 204
