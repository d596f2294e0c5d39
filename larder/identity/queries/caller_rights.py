"""Reads of what an account may do, and decides what a caller holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from larder.db import database
from larder.identity import permissions, sql
from larder.identity.caller import Caller
from larder.identity.errors import SessionEnded
from larder.identity.factors import codes


@dataclass(frozen=True, slots=True)
class Rights:
    """What an account may do, as it is now in the database. A superuser has all permissions; an
    account without `is_staff` has none. `needs_factor`: a password alone does not give its
    permissions. `has_factor`: a second factor is enrolled."""

    is_active: bool
    is_staff: bool
    is_superuser: bool
    permissions: frozenset[str]
    has_factor: bool = False
    needs_factor: bool = False


NO_RIGHTS = Rights(
    is_active=False, is_staff=False, is_superuser=False, permissions=permissions.NO_PERMISSIONS
)


def rights(customer: int, factor: UUID | None = None) -> Rights:
    """Returns the rights of an account; NO_RIGHTS if it does not exist.

    A member of staff needs a second factor where the shop demands it or the account has enrolled
    one, unless `factor` is one that the caller has proven.
    """
    found = database.rows(sql.RIGHTS, [factor, None, None, None, customer])
    return _rights(found[0]) if found else NO_RIGHTS


def _rights(row: Sequence[Any]) -> Rights:
    is_active, is_staff, is_superuser, granted, has_factor, proven, _ = row
    has = permissions.ALL if is_superuser else frozenset(granted)
    needs = is_staff and not proven and (has_factor or codes.is_demanded())
    return Rights(
        is_active,
        is_staff,
        is_superuser,
        has if is_staff else permissions.NO_PERMISSIONS,
        has_factor,
        needs,
    )


def submit_renewed(caller: Caller) -> Callable[[], Caller]:
    """Submits a statement, and returns a function that returns the caller with the present rights.
    The expiry of an access token does not matter.

    It raises SessionEnded if the account is not active, or the caller's session or key has ended.
    With the admin's cookie or a password, the sessions of the account must not have been ended
    since.
    """
    credential = [caller.factor, caller.key, caller.session, caller.epoch]
    reading = database.submit(sql.RIGHTS, [*credential, caller.id])

    def read() -> Caller:
        for row in reading():
            found, is_live = _rights(row), row[-1]
            if found.is_active and is_live:
                return holding(caller, found) if caller.is_staff else caller
        raise SessionEnded

    return read


def with_rights(caller: Caller) -> Caller:
    """Returns the caller with the present rights of the account. Reads nothing for customers."""
    return holding(caller, rights(caller.id, caller.factor)) if caller.is_staff else caller


def holding(caller: Caller, found: Rights) -> Caller:
    """Returns the caller with these rights of the account. Decides for every API version and for
    the admin what a caller holds.

    A key gives the permissions that it names, as far as the account has them. If the account needs
    a second factor, a caller without such a key has no permissions until the factor is proven.
    """
    held, named = found.permissions, caller.key_permissions
    restricted = found.needs_factor and named is None
    if named is not None:
        held &= named
    elif restricted:
        held = permissions.NO_PERMISSIONS
    return replace(caller, is_staff=found.is_staff, permissions=held, is_restricted=restricted)


def may_manage(actor: Caller, customer: int) -> bool:
    """Returns whether the caller may change or delete this account. Everyone may manage their own
    account. The account of a member of staff needs the permission to manage rights, and must not
    have a permission that the caller does not have: otherwise the caller could take it over.
    """
    if actor.id == customer:
        return True
    theirs = rights(customer)
    if not (theirs.is_staff or theirs.is_superuser):
        return True
    if theirs.is_superuser and not rights(actor.id).is_superuser:
        return False
    return actor.may("identity.manage_rights") and theirs.permissions <= actor.permissions
