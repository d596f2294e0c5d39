"""Reads of identity for other modules: accounts, their addresses, what they may do, the audit trail
and notes. They return plain data, not models."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

from larder.core.errors import DomainError, NotFound
from larder.core.limits import MAX_USERNAME_LENGTH
from larder.core.mailboxes import canonical
from larder.core.parts import Part, first, in_parts
from larder.db import database
from larder.identity import factors, permissions, sql
from larder.identity.caller import Caller
from larder.identity.errors import OrderingNotAllowed, SessionEnded
from larder.identity.models import Address, AuditEntry, Customer, Note


@dataclass(frozen=True, slots=True)
class Profile:
    """The profile of a customer, for themselves and for staff."""

    id: int
    public_id: UUID
    username: str
    email: str
    first_name: str
    last_name: str
    may_order: bool
    is_staff: bool
    date_joined: datetime
    version: int


_PROFILE = tuple(Profile.__slots__)


def _listed() -> QuerySet[Customer]:
    """Returns the accounts that are shown: all except deleted ones."""
    return Customer.objects.filter(deleted_at=None)


def profile(customer: int) -> Profile:
    """Returns the profile of this id. Raises NotFound."""
    return Profile(*existing(_listed().filter(id=customer).values_list(*_PROFILE)))


def emails(customers: Collection[int]) -> dict[int, str]:
    """Returns the email address of each of these customers."""
    return dict(_listed().filter(id__in=customers).values_list("id", "email"))


def has_names(customer: int, names: Mapping[str, str]) -> bool:
    """Returns whether the account has exactly these: `username`, `email` or both."""
    return Customer.objects.filter(pk=customer, **names).exists()


def profile_by_public_id(public_id: UUID) -> Profile:
    """Returns the profile of this public id. Raises NotFound."""
    return Profile(*existing(_listed().filter(public_id=public_id).values_list(*_PROFILE)))


def profiles(*, after: int = 0, offset: int = 0, limit: int) -> list[Profile]:
    """Returns up to `limit` customers by ascending id: those after the id `after`, without the
    first `offset` of them."""
    rows = _listed().filter(id__gt=after).order_by("id").values_list(*_PROFILE)
    return [Profile(*row) for row in rows[offset : offset + limit]]


def all_profiles() -> Iterator[Part[Profile]]:
    """Yields all customers by ascending id, in parts."""
    return in_parts(lambda last, limit: profiles(after=last.id if last else 0, limit=limit))


def count_profiles() -> int:
    """Returns the number of customers."""
    return _listed().count()


@dataclass(frozen=True, slots=True)
class Standing:
    """The rights of an account, as they are now in the database."""

    is_active: bool
    is_staff: bool
    may_order: bool
    public_id: UUID


def submit_standing(customers: Collection[int]) -> Callable[[], dict[int, Standing]]:
    """Submits a statement, and returns a function that returns the standing of each customer by id,
    without ids that do not exist."""
    reading = database.submit(sql.STANDING, [list(customers)])
    return lambda: {row[0]: Standing(*row[1:]) for row in reading()}


def taken(*, username: str, email: str, but: int = 0) -> set[str]:
    """Returns which of "username" and "email" another account than `but` has, in any spelling. A
    name that `but` has as it is stays its own."""
    name = Customer.normalize_username(username)
    others = Customer.objects.exclude(pk=but)
    by_email = others.annotate(folded=Lower("email")).exclude(email="")
    by_name = Customer.objects.named(name).exclude(pk=but)
    names = {"email"} if by_email.filter(folded=lowered(email)).exists() else set()
    if by_name.exists() and not Customer.objects.filter(pk=but, username=name).exists():
        names.add("username")
    return names


def lowered(email: str) -> Lower:
    """Returns an email address as the index of addresses has it: each is stored in its one
    spelling."""
    return Lower(Value(canonical(email)))


def named(username: str) -> QuerySet[Customer]:
    """Returns the account with this name, in any spelling, or none."""
    name = Customer.normalize_username(username)
    if "\0" in name or len(name) > MAX_USERNAME_LENGTH:
        # No account has such a name, and PostgreSQL refuses a NUL in a text.
        return Customer.objects.none()
    return Customer.objects.named(name)


def exists(username: str) -> bool:
    """Returns whether an account has this name."""
    return named(username).exists()


def has_password(username: str, password: str) -> bool:
    """Returns whether an active account of this name has this password."""
    active = named(username).filter(is_active=True)
    return any(customer.check_password(password) for customer in active)


PARCEL_FIELDS = (
    *("name", "company", "line1", "line2"),
    *("city", "region", "postal_code", "country"),
)
"""The fields of an address that are written on a parcel."""


SHIP_TO_FIELDS = (*PARCEL_FIELDS, "phone")
"""The fields of the address of an order."""


ADDRESS_FIELDS = ("label", *SHIP_TO_FIELDS)
"""The fields of an address that its owner writes."""


@dataclass(frozen=True, slots=True)
class OwnRows:
    """What a customer has of a kind, by id, which is the order of creation."""

    rows: QuerySet[Any, Any]

    def page(self, *, after: UUID | None = None, limit: int) -> Part[Any]:
        """Returns up to `limit` rows, those after this id."""
        rows = self.rows if after is None else self.rows.filter(id__gt=after)
        return first(list(rows.order_by("id")[: limit + 1]), limit)

    def row(self, id: UUID) -> Any:
        """Returns the row of this id. Raises NotFound."""
        return existing(self.rows.filter(id=id))


def addresses(customer: int) -> OwnRows:
    """Returns the addresses of a customer: `id`, the ADDRESS_FIELDS, `version`."""
    rows = Address.objects.filter(customer=customer)
    return OwnRows(rows.values_list("id", *ADDRESS_FIELDS, "version", named=True))


def existing(rows: QuerySet[Any, Any]) -> Any:
    """Returns the first row. Raises NotFound if there is none."""
    row = rows.first()
    if row is None:
        raise NotFound
    return row


@dataclass(frozen=True, slots=True)
class Rights:
    """What an account may do, as it is now in the database. A superuser has all permissions; an
    account without `is_staff` has none. `needs_factor`: a password alone does not give its
    permissions. `has_factor`: a second factor is enrolled."""

    is_active: bool = False
    is_staff: bool = False
    is_superuser: bool = False
    permissions: frozenset[str] = permissions.NO_PERMISSIONS
    has_factor: bool = False
    needs_factor: bool = False


def rights(customer: int, factor: UUID | None = None) -> Rights:
    """Returns the rights of an account; no rights if it does not exist.

    A member of staff needs a second factor where the shop demands it or the account has enrolled
    one, unless `factor` is one that the caller has proven.
    """
    of = {"customer": customer, "factor": factor, "key": None, "session": None}
    rows = database.rows(sql.RIGHTS, of)
    return _rights(rows[0]) if rows else Rights()


def held_permissions(accounts: Collection[UUID]) -> dict[UUID, frozenset[str]]:
    """Returns the permissions of accounts by their public ids, whatever second factor they need:
    those with which their endpoints are told events. An account that is not active has none."""
    ids = Customer.objects.filter(public_id__in=accounts).values_list("public_id", "id")
    held = {public_id: rights(id) for public_id, id in ids}
    return {public_id: of.permissions for public_id, of in held.items() if of.is_active}


def _rights(row: Sequence[Any]) -> Rights:
    is_active, is_staff, is_superuser, granted, has_factor, proven, _ = row
    has = permissions.ALL if is_superuser else frozenset(granted)
    needs = is_staff and not proven and (has_factor or factors.is_demanded())
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
    """
    of = {"customer": caller.id, "factor": caller.factor}
    reading = database.submit(sql.RIGHTS, of | {"key": caller.key, "session": caller.session})

    def read() -> Caller:
        for row in reading():
            rights, is_live = _rights(row), row[-1]
            if rights.is_active and is_live:
                return holding(caller, rights) if caller.is_staff else caller
        raise SessionEnded

    return read


def with_rights(caller: Caller) -> Caller:
    """Returns the caller with the present rights of the account. Reads nothing for customers."""
    return holding(caller, rights(caller.id, caller.factor)) if caller.is_staff else caller


def holding(caller: Caller, rights: Rights) -> Caller:
    """Returns the caller with these rights of the account. Decides for every API version and for
    the admin what a caller holds.

    A key gives the permissions that it names, as far as the account has them. If the account needs
    a second factor, a caller without such a key has no permissions until the factor is proven.
    """
    held, named = rights.permissions, caller.key_permissions
    restricted = rights.needs_factor and named is None
    if named is not None:
        held &= named
    elif restricted:
        held = permissions.NO_PERMISSIONS
    return replace(caller, is_staff=rights.is_staff, permissions=held, is_restricted=restricted)


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


def ordering_refusal(account: Standing | None, *, actor: UUID) -> DomainError | None:
    """Returns the error if `actor` (a public id) may not order for this account; None if allowed.

    NotFound: the account does not exist. SessionEnded: the actor's own account is deactivated.
    OrderingNotAllowed: another account is deactivated, or the account may not order.
    """
    if account is None:
        return NotFound()
    if not account.is_active and account.public_id == actor:
        return SessionEnded()
    return None if account.is_active and account.may_order else OrderingNotAllowed()


def audit_entries(
    *,
    object: str | None = None,
    actor: UUID | None = None,
    after: datetime | None = None,
    before: int | None = None,
    limit: int,
) -> Part[AuditEntry]:
    """Returns up to `limit` entries of the audit trail, newest first: those of an object, those of
    an actor by public id, those recorded later than `after`, and those with an id lower than
    `before`, where these are given."""
    bounds = {"object": object, "actor": actor, "at__gt": after, "id__lt": before}
    filters = {name: value for name, value in bounds.items() if value is not None}
    rows = AuditEntry.objects.filter(**filters).order_by("-id")
    return first(list(rows[: limit + 1]), limit)


def latest_notes(object: str, *, limit: int) -> Part[Note]:
    """Returns the last `limit` notes about an object, by its name in the audit trail, newest first.
    `more` says whether there are earlier ones."""
    rows = Note.objects.filter(object=object).order_by("-id")
    return first(list(rows[: limit + 1]), limit)
