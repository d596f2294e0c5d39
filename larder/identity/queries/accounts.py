"""Reads of accounts: profiles, standing, taken names, passwords."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

from larder.core.errors import NotFound
from larder.core.mailboxes import spellings
from larder.core.parts import Part, in_parts
from larder.db import database
from larder.db.fields import Fold
from larder.identity import sql
from larder.identity.models import Customer


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


def _one(found: QuerySet[Customer]) -> Profile:
    row = found.values_list(*_PROFILE).first()
    if row is None:
        raise NotFound
    return Profile(*row)


def profile(customer: int) -> Profile:
    """Returns the profile of this id. Raises NotFound."""
    return _one(_listed().filter(id=customer))


def has_names(customer: int, names: Mapping[str, str]) -> bool:
    """Returns whether the account has exactly these: `username`, `email` or both."""
    return Customer.objects.filter(pk=customer, **names).exists()


def profile_by_public_id(public_id: UUID) -> Profile:
    """Returns the profile of this public id. Raises NotFound."""
    return _one(_listed().filter(public_id=public_id))


def deleted_accounts(public_ids: Collection[UUID]) -> list[UUID]:
    """Returns those of these accounts that are deleted."""
    gone = Customer.objects.filter(public_id__in=public_ids, deleted_at__isnull=False)
    return list(gone.order_by("id").values_list("public_id", flat=True))


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


def public_ids(customers: Iterable[int]) -> dict[int, UUID]:
    """Returns the public id of each customer, including deleted ones: orders contain it."""
    rows = Customer.objects.filter(id__in=set(customers))
    return dict(rows.values_list("id", "public_id"))


@dataclass(frozen=True, slots=True)
class Standing:
    """The rights of an account, as they are now in the database."""

    is_active: bool
    is_staff: bool
    may_order: bool
    public_id: UUID


def standing(customers: Collection[int]) -> dict[int, Standing]:
    """Returns the standing of each customer by id, without ids that do not exist."""
    return submit_standing(customers)()


def submit_standing(customers: Collection[int]) -> Callable[[], dict[int, Standing]]:
    """Submits the statement of `standing`, and returns a function that reads its result."""
    reading = database.submit(sql.STANDING, [list(customers)])
    return lambda: {row[0]: Standing(*row[1:]) for row in reading()}


def exists(username: str) -> bool:
    """Returns whether an account has this name."""
    try:
        return bool(Customer.objects.get_by_natural_key(username))
    except Customer.DoesNotExist:
        return False


def taken(*, username: str, email: str, but: int = 0) -> set[str]:
    """Returns which of "username" and "email" another account than `but` has, in any spelling. A
    name that `but` has as it is stays its own."""
    name = Customer.normalize_username(username)
    others = Customer.objects.exclude(pk=but)
    by_email = others.annotate(folded=Lower("email")).exclude(email="")
    by_name = others.annotate(folded=Fold("username")).filter(folded=Fold(Value(name)))
    found = {"email"} if by_email.filter(folded__in=lowered_spellings(email)).exists() else set()
    if by_name.exists() and not Customer.objects.filter(pk=but, username=name).exists():
        found.add("username")
    return found


def lowered_spellings(email: str) -> list[Lower]:
    """Returns the forms of an email address as the index of addresses has them."""
    return [Lower(Value(one)) for one in sorted(spellings(email))]


def has_password(username: str, password: str) -> bool:
    """Returns whether an active account of this name has this password."""
    try:
        customer = Customer.objects.get_by_natural_key(username)
    except Customer.DoesNotExist:
        return False
    return customer.is_active and customer.check_password(password)
