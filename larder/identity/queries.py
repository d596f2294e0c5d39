"""What identity tells the others. Plain data, no models."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.contrib.auth.hashers import check_password
from django.db.models import F, Max, QuerySet, Value
from django.db.models.functions import Lower

from larder.core.errors import NotFound
from larder.core.parts import Part, in_parts
from larder.db import database
from larder.identity import sql
from larder.identity.caller import Caller
from larder.identity.doors import ENDED_LATELY
from larder.identity.models import Address, Customer, Key, Session
from larder.identity.tokens import derived_text, key_digest


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
    version: int


_PROFILE = tuple(Profile.__slots__)


def _listed() -> QuerySet[Customer]:
    """Deleted accounts are shown to nobody."""
    return Customer.objects.filter(deleted_at=None)


def _one(found: QuerySet[Customer]) -> Profile:
    row = found.values_list(*_PROFILE).first()
    if row is None:
        raise NotFound
    return Profile(*row)


def profile(customer: int) -> Profile:
    """Raises NotFound."""
    return _one(_listed().filter(id=customer))


def profile_by_public_id(public_id: UUID) -> Profile:
    """Raises NotFound."""
    return _one(_listed().filter(public_id=public_id))


def profiles(*, after: int = 0, offset: int = 0, limit: int) -> list[Profile]:
    """Up to `limit` customers by ascending id: those behind the id `after`, without the first
    `offset` of them."""
    rows = _listed().filter(id__gt=after).order_by("id").values_list(*_PROFILE)
    return [Profile(*row) for row in rows[offset : offset + limit]]


def all_profiles() -> Iterator[Part[Profile]]:
    """All customers by ascending id; in parts."""
    return in_parts(lambda last, limit: profiles(after=last.id if last else 0, limit=limit))


def count_profiles() -> int:
    """How many customers there are."""
    return _listed().count()


def session_owner(session: UUID) -> int | None:
    """Whose log-in this is or was; None if it was deleted."""
    return Session.objects.filter(pk=session).values_list("customer_id", flat=True).first()


def is_session_of(session: UUID, username: str) -> bool:
    """Whether this is or was a log-in to the account of this name, in any case of letters."""
    if "\0" in username:
        return False
    name = Lower(Value(Customer.normalize_username(username)))
    return (
        Session.objects.annotate(folded=Lower("customer__username"))
        .filter(pk=session, folded=name)
        .exists()
    )


def may_manage(actor: int, customer: int) -> bool:
    """Whether staff may change or delete this account: their own, a customer's; other staff's
    and superusers' only as a superuser, or whoever serves customers could take their place."""
    if actor == customer:
        return True
    rows = Customer.objects.filter(id__in=(actor, customer))
    ranks = {id: ranks for id, *ranks in rows.values_list("id", "is_staff", "is_superuser")}
    return ranks.get(actor, [False])[-1] or not any(ranks.get(customer, ()))


def public_ids(customers: Iterable[int]) -> dict[int, UUID]:
    """The public id of each customer, deleted ones too: orders name them."""
    rows = Customer.objects.filter(id__in=set(customers))
    return dict(rows.values_list("id", "public_id"))


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account is allowed to do, as it is now in the database."""

    is_active: bool
    is_staff: bool
    may_order: bool
    public_id: UUID


def standing(customers: Collection[int]) -> dict[int, Standing]:
    """The standing of each customer, by id; an id that does not exist is not in it."""
    return ask_standing(customers)()


def ask_standing(customers: Collection[int]) -> Callable[[], dict[int, Standing]]:
    """As `standing`, to be read later in a pipeline."""
    reading = database.ask(sql.STANDING, [list(customers)])
    return lambda: {row[0]: Standing(*row[1:]) for row in reading()}


MOST_LISTED = 5_000
"""Accounts that a process lists, of those all of whose sessions ended lately. After a restore these
are all that had a log-in."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What ended so recently that an access token of it may still be valid: single sessions, and
    the accounts all of whose sessions ended, with their present epoch."""

    sessions: frozenset[UUID] = frozenset()
    epochs: Mapping[int, int] = field(default_factory=dict)
    epoch: int = 0
    """The highest epoch of these accounts, if they are more than MOST_LISTED: then none is listed,
    and each token of a lower epoch may have ended."""

    def may_include(self, caller: Caller) -> bool:
        """Returns whether the session of an access token may have ended. A session that survived
        when all others of its account ended has a new epoch, but its tokens from before have the
        old one: `goes_on` decides about them."""
        epoch = self.epoch or self.epochs.get(caller.id, 0)
        return caller.session in self.sessions or caller.epoch < epoch


def ended_sessions(*, now: datetime) -> Ended:
    """Returns what ended in the last ENDED_LATELY. An account's epoch stands for its sessions."""
    since = now - ENDED_LATELY
    one_by_one = Session.objects.filter(
        ended_at__gt=since, epoch=F("customer__session_epoch")
    ).values_list("id", flat=True)
    raised = Customer.objects.filter(epoch_raised_at__gt=since)
    # In this order: an epoch that is raised between two of them is in the later one.
    sessions = frozenset(one_by_one)
    epochs = dict(raised.values_list("id", "session_epoch")[: MOST_LISTED + 1])
    if len(epochs) <= MOST_LISTED:
        return Ended(sessions, epochs)
    highest = raised.aggregate(epoch=Max("session_epoch", default=0))
    return Ended(sessions, epoch=highest["epoch"])


def goes_on(session: UUID | None) -> bool:
    """Whether there is such a session and nothing has ended it."""
    return session is not None and Session.objects.ongoing().filter(id=session).exists()


_KEY = re.compile(r"larder_[A-Za-z0-9_-]{40}|[0-9a-f]{40}")


def key_owner(text: str, *, secrets: Sequence[str]) -> Caller | None:
    """Whose live key this is, with their rights as they are now; None for any other text.

    A derived key of a secret that is none of `secrets` any more is no key: whoever had that
    secret can derive all of them.
    """
    if not _KEY.fullmatch(text):
        return None
    for id, public_id, is_staff, generation, key in database.rows(
        sql.KEY_OWNER, [key_digest(text)]
    ):
        if generation is None or text in _derived_texts(secrets, public_id, generation):
            return Caller(id, public_id, is_staff, session=None, key=key)
    return None


def _derived_texts(secrets: Sequence[str], public_id: UUID, generation: int) -> set[str]:
    return {derived_text(secret, public_id, generation) for secret in secrets}


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A live key as its owner sees it. `derived`: it is handed out again at each call."""

    id: UUID
    name: str
    derived: bool
    created_at: datetime


def keys(customer: int, *, after: UUID | None, limit: int) -> list[KeyRow]:
    """Up to `limit` live keys of a customer by id, which is the order they were made in."""
    live = Key.objects.filter(customer=customer, ended_at=None).order_by("id")
    return _key_rows((live if after is None else live.filter(id__gt=after))[:limit])


def key(customer: int, key_id: UUID) -> KeyRow:
    """A live key of this customer. Raises NotFound."""
    found = _key_rows(Key.objects.filter(customer=customer, id=key_id, ended_at=None))
    if not found:
        raise NotFound
    return found[0]


def _key_rows(found: QuerySet[Key]) -> list[KeyRow]:
    rows = found.values_list("id", "name", "generation", "created_at")
    return [KeyRow(id, name, generation is not None, at) for id, name, generation, at in rows]


@dataclass(frozen=True, slots=True)
class LogIn:
    """A log-in that goes on, as its owner sees it. `rotated_at`: when it was refreshed last."""

    id: UUID
    client: str
    created_at: datetime
    rotated_at: datetime
    expires_at: datetime


_LOG_IN = tuple(LogIn.__slots__)


def log_ins(customer: int, *, after: UUID | None, limit: int, now: datetime) -> list[LogIn]:
    """Up to `limit` log-ins of a customer that go on, by id: in the order they were made in."""
    live = Session.objects.live(now).filter(customer=customer).order_by("id")
    rows = live if after is None else live.filter(id__gt=after)
    return [LogIn(*row) for row in rows.values_list(*_LOG_IN)[:limit]]


def log_in(customer: int, session: UUID, *, now: datetime) -> LogIn:
    """A log-in of this customer that goes on. Raises NotFound."""
    live = Session.objects.live(now).filter(customer=customer, id=session)
    row = live.values_list(*_LOG_IN).first()
    if row is None:
        raise NotFound
    return LogIn(*row)


def exists(username: str) -> bool:
    """Whether there is an account of this name, in any case of letters."""
    try:
        return bool(Customer.objects.get_by_natural_key(username))
    except Customer.DoesNotExist:
        return False


def taken(*, username: str, email: str, but: int = 0) -> set[str]:
    """Which of these some account has, in any case of letters: "username", "email". What the
    account `but` has is not taken."""
    name = Lower(Value(Customer.normalize_username(username)))
    others = Customer.objects.exclude(pk=but)
    by_email = others.annotate(folded=Lower("email")).exclude(email="")
    by_name = others.annotate(folded=Lower("username")).filter(folded=name)
    found = {"email"} if by_email.filter(folded=Lower(Value(email))).exists() else set()
    return found | ({"username"} if by_name.exists() else set())


def has_password(username: str, password: str) -> bool:
    """Whether an active account of this name has this password."""
    try:
        customer = Customer.objects.get_by_natural_key(username)
    except Customer.DoesNotExist:
        return False
    return customer.is_active and check_password(password, customer.password)


@dataclass(frozen=True, slots=True)
class AddressRow:
    """One of a customer's addresses."""

    id: UUID
    label: str
    name: str
    company: str
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country: str
    phone: str
    version: int


_ADDRESS = tuple(AddressRow.__slots__)
ADDRESS_FIELDS = _ADDRESS[1:-1]
"""What its owner writes of an address: the label, and the fields of an order's `ship_to`."""


def addresses(customer: int, *, after: UUID | None, limit: int) -> list[AddressRow]:
    """Up to `limit` addresses of a customer by id, which is the order they were added in."""
    found = Address.objects.filter(customer=customer).order_by("id")
    rows = found if after is None else found.filter(id__gt=after)
    return [AddressRow(*row) for row in rows.values_list(*_ADDRESS)[:limit]]


def address(customer: int, address_id: UUID) -> AddressRow:
    """An address of this customer. Raises NotFound."""
    found = Address.objects.filter(customer=customer, id=address_id)
    row = found.values_list(*_ADDRESS).first()
    if row is None:
        raise NotFound
    return AddressRow(*row)
