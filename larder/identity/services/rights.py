"""Changes what staff may do: rights of accounts, and roles, which are Django's groups.

Permissions can only be granted by a caller who has them, and an account cannot change its own
rights. The last owner, an active account with the permission to manage rights, stays one. An
account that gains a right loses what others could use to act as it (`_end_credentials`).
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Concat

from larder.core.errors import AlreadyTaken, NotFound, PermissionMissing, together
from larder.db import database
from larder.db.constraints import refusing_taken
from larder.identity import queries, sql
from larder.identity.caller import Caller
from larder.identity.errors import LastOwner, OwnRights, SessionEnded
from larder.identity.models import Customer, Key
from larder.identity.queries import Rights
from larder.identity.services import audit
from larder.identity.services.credentials import lock_account
from larder.identity.services.sessions import end_others_within

ADD = "identity.add_customer"
CHANGE = "identity.change_customer"
DELETE = "identity.delete_customer"
MANAGE = "identity.manage_rights"

_RIGHTS = frozenset({"is_staff", "is_superuser"})

SETTLED = timedelta(days=7)
"""Time after a change of the address by its owner in which no reset is sent. Otherwise the thief of
an unlocked telephone or of a key could take over the account with a new address."""


@contextmanager
def checking_change(
    actor: Caller,
    account: int,
    columns: Mapping[str, Any],
    groups: Collection[int] | None,
    *,
    now: datetime,
) -> Iterator[None]:
    """Checks a change of an account that the block makes, in a transaction that is open. If the
    account gains a right by it, ends its credentials.

    `columns` are the new values, `groups` the new groups; None changes none. Raises OwnRights,
    NotStaff, PermissionMissing, SecondFactorRequired, LastOwner, SessionEnded.
    """
    actor = require_manageable(actor, account, CHANGE)
    changes_rights = groups is not None or not _RIGHTS.isdisjoint(columns)
    if actor.id == account and (changes_rights or columns.get("is_active") is False):
        raise OwnRights
    if changes_rights:
        actor.require(MANAGE)
        all_rights = ["is_superuser"] if columns.get("is_superuser") else []
        require_held(actor, [*all_rights, *_permissions_of(groups or ())])
    before = queries.rights(account)
    with keeping_an_owner(account):
        yield
    after = queries.rights(account)
    is_raised = after.is_staff > before.is_staff or after.is_superuser > before.is_superuser
    if changes_rights and (is_raised or not after.permissions <= before.permissions):
        # An account that was no member of staff may have had groups, which only count now.
        require_held(actor, after.permissions)
        _end_credentials([account], now=now)


def _end_credentials(accounts: Collection[int], *, now: datetime) -> None:
    """Ends what others may hold of accounts that gained a right, in a transaction that has locked
    them: sessions, and keys that name no permissions. Links end too (passwords.py: set_forgotten).

    Also ends a password or an email address that was set by an account with fewer rights, which
    could act as this one, and an address that is not settled. The owner needs a new link then.
    """
    Key.objects.ongoing().filter(customer__in=accounts, permissions=None).update(ended_at=now)
    for account in Customer.objects.filter(pk__in=accounts).order_by("pk"):
        end_others_within(account.pk, keep=None, now=now)
        rights = queries.rights(account.pk)
        ended: dict[str, Any] = {}
        if not may_know(account.password_by, rights):
            ended |= {"password": make_password(None), "password_by": None}
        is_settled = account.email_since is None or account.email_since < now - SETTLED
        if not (is_settled and may_know(account.email_by, rights)):
            ended |= {"email": "", "email_by": None, "email_since": None}
        if ended:
            Customer.objects.filter(pk=account.pk).update(version=F("version") + 1, **ended)
            name, fields = audit.customer_name(account.public_id), sorted(ended.keys() & _KNOWN)
            audit.record(name, "end_credentials", after={audit.PERSONAL: fields})


_KNOWN = frozenset({"password", "email"})


def may_know(setter: UUID | None, rights: Rights) -> bool:
    """Returns whether the account that set a credential of an account has all of its rights. None:
    its owner set it."""
    if setter is None:
        return True
    pk = Customer.objects.filter(public_id=setter).values_list("pk", flat=True).first()
    theirs = queries.rights(pk or 0)
    if not theirs.is_active or rights.is_superuser > theirs.is_superuser:
        return False
    return rights.permissions <= theirs.permissions


def setter_of(actor: Caller | None, customer: int) -> UUID | None:
    """Returns who sets a credential of another account; None for its owner and for a service."""
    return None if actor is None or actor.id == customer else actor.public_id


def require_manageable(actor: Caller, account: int, permission: str) -> Caller:
    """Locks the account and that of the caller, who must have the permission and may manage the
    account. Returns the caller with the present rights. Assumes an open transaction.

    The account could get rights after a check without the lock, and the change would be made by a
    caller who has fewer. Raises SessionEnded, NotStaff, PermissionMissing.
    """
    present = lock_account(actor, account)
    present.require(permission)
    if not queries.may_manage(present, account):
        raise PermissionMissing(MANAGE)
    return present


OF_STAFF = frozenset({"username", "email"})
"""Fields that staff may change in their accounts only with a permission."""


def lock_manageable(caller: Caller, customer: int, permission: str, *, of_staff: bool) -> None:
    """Locks the account, and checks that the caller may manage it, with the permission.

    Customers need none for their own account, unless their key names permissions. Staff need it
    where `of_staff`: they could act under another name, or, with a key or a password alone, set the
    email address, reset the password and have all rights of the account.

    Raises NotFound, not SessionEnded, if the account is deleted, and as
    `require_manageable` does.
    """
    needed = caller.key_permissions is not None or (of_staff and caller.is_staff)
    try:
        if needed or caller.id != customer:
            require_manageable(caller, customer, permission)
        else:
            lock_account(caller)
    except SessionEnded:
        if not Customer.objects.filter(pk=customer, deleted_at=None).exists():
            raise NotFound from None
        raise


@contextmanager
def _changing_role(actor: Caller, *members: int) -> Iterator[Caller]:
    """Opens a transaction in which a role changes, and locks the accounts of `members`. Yields the
    caller with the present rights."""
    with transaction.atomic(durable=True):
        present = lock_account(actor, *members)
        present.require(MANAGE)
        with keeping_an_owner(None):
            yield present


@contextmanager
def keeping_an_owner(account: int | None) -> Iterator[None]:
    """Raises LastOwner if no owner is left after the block, in a transaction that is open.

    `account` is the only one whose rights the block changes; None for a change of a role. Changes
    wait for each other, so that two owners cannot remove each other. The accounts are locked
    before: in the other order, two transactions could wait for each other.
    """
    if account is not None:
        locked = Customer.objects.select_for_update(no_key=True).filter(pk=account)
        if not locked.values_list("is_staff", flat=True).first():
            yield
            return
    database.execute(sql.LOCK_RIGHTS)
    had_owner = _has_owner()
    yield
    if had_owner and not _has_owner():
        raise LastOwner


def save_role(
    actor: Caller, role: int | None, name: str, permissions: Collection[int], *, now: datetime
) -> int:
    """Creates or changes a role, and returns its id. `permissions` are the ids of those it has. If
    it gains one, ends the credentials of its members.

    Raises NotStaff, PermissionMissing (also for a permission that the role has or gets and the
    caller does not have), AlreadyTaken (name), LastOwner, SessionEnded.
    """
    staff = Customer.objects.filter(groups=role, is_staff=True).exclude(pk=actor.id)
    members = [] if role is None else list(staff.values_list("pk", flat=True))
    with refusing_taken(), _changing_role(actor, *members) as present:
        group = Group(pk=role, name=name)
        former = [] if role is None else _permissions_of([role])
        granted = _names(Permission.objects.filter(pk__in=permissions))
        require_held(present, [*former, *granted])
        # PostgreSQL logs a failed statement; only a concurrent one still fails.
        if Group.objects.filter(name=name).exclude(pk=role or 0).exists():
            raise AlreadyTaken("name")
        before = {} if role is None else _role(role)
        group.save()
        group.permissions.set(permissions)
        action = "create" if role is None else "change"
        audit.record_difference(f"group:{group.pk}", before, _role(group.pk), action=action)
        if not set(granted) <= set(former):
            _end_credentials(members, now=now)
    return int(group.pk)


def delete_role(actor: Caller, role: int) -> None:
    """Deletes a role. Raises NotStaff, PermissionMissing, LastOwner, SessionEnded."""
    with _changing_role(actor) as present:
        before = _role(role)
        require_held(present, before["permissions"])
        Group.objects.filter(pk=role).delete()
        audit.record(f"group:{role}", "delete", before=before)


def set_roles(customer: int, groups: Collection[int]) -> None:
    """Replaces the roles of an account, in a transaction that has checked the change."""
    account = Customer.objects.get(pk=customer)
    before = _role_names(account)
    account.groups.set(groups)
    after = _role_names(account)
    name = audit.customer_name(account.public_id)
    audit.record_difference(name, {"roles": before}, {"roles": after})


def require_held(actor: Caller, permissions: Collection[str]) -> None:
    """Raises PermissionMissing for each permission that the caller does not have.

    A superuser has those too that only Django's own models use, and alone `is_superuser`.
    """
    missing = sorted(set(permissions) - actor.permissions)
    if missing and not queries.rights(actor.id).is_superuser:
        raise together([PermissionMissing(permission) for permission in missing])


def _role_names(account: Customer) -> list[str]:
    return sorted(account.groups.values_list("name", flat=True))


def _role(role: int) -> dict[str, Any]:
    """Returns what the audit trail has of a role: the name that accounts show, and permissions."""
    name = Group.objects.filter(pk=role).values_list("name", flat=True).first()
    return {"name": name, "permissions": _permissions_of([role])}


def _has_owner() -> bool:
    codename = MANAGE.partition(".")[2]
    may_manage = Q(is_superuser=True)
    may_manage |= Q(groups__permissions__codename=codename)
    may_manage |= Q(user_permissions__codename=codename)
    return Customer.objects.filter(may_manage, is_active=True, is_staff=True).exists()


def _permissions_of(groups: Collection[int]) -> list[str]:
    return _names(Permission.objects.filter(group__pk__in=groups))


def _names(permissions: Any) -> list[str]:
    name = Concat(F("content_type__app_label"), Value("."), F("codename"))
    return sorted(set(permissions.values_list(name, flat=True)))
