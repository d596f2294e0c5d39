"""What identity tells the others. Plain data, no models."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.hashers import check_password

from larder.common import database
from larder.common.errors import NotFound
from larder.identity import sql
from larder.identity.models import Customer, Session
from larder.identity.tokens import ACCESS_LIFETIME


@dataclass(frozen=True, slots=True)
class Profile:
    """A customer as shown to themselves and to staff."""

    id: int
    public_id: UUID
    username: str
    email: str
    first_name: str
    last_name: str
    may_order: bool
    is_staff: bool
    date_joined: datetime


_PROFILE = tuple(Profile.__slots__)


def profile(customer: int) -> Profile:
    """Raises NotFound."""
    row = Customer.objects.filter(id=customer).values_list(*_PROFILE).first()
    if row is None:
        raise NotFound
    return Profile(*row)


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account is allowed to do, as it is now in the database."""

    is_active: bool
    is_staff: bool
    may_order: bool
    public_id: UUID


def standing(customers: Collection[int]) -> dict[int, Standing]:
    """The standing of each customer, by id; an id that does not exist is not in it."""
    rows = database.rows(sql.STANDING, [list(customers)])
    return {row[0]: Standing(*row[1:]) for row in rows}


def ended_sessions(*, now: datetime) -> frozenset[UUID]:
    """Sessions that ended so recently that an access token of theirs may still be valid."""
    since = now - ACCESS_LIFETIME - timedelta(minutes=1)
    return frozenset(Session.objects.filter(ended_at__gt=since).values_list("id", flat=True))


def exists(username: str) -> bool:
    """Whether there is an account of this name, in any case of letters."""
    try:
        return bool(Customer.objects.get_by_natural_key(username))
    except Customer.DoesNotExist:
        return False


def has_password(username: str, password: str) -> bool:
    """Whether an active account of this name has this password."""
    try:
        customer = Customer.objects.get_by_natural_key(username)
    except Customer.DoesNotExist:
        return False
    return customer.is_active and check_password(password, customer.password)
