"""Rate limits of log-ins, registrations, refreshes, password resets and changes of profiles.

Each attempt is counted twice: for its account and for its client address. For some actions only
failures count. A refused client gets the time to wait. Refused attempts do not count, so no client
is locked out for ever.

An attacker must not use up the attempts of another account. So client addresses at which the
account logged in, or gave a code, during the last 30 days have separate attempts. So has a log-in
with a refresh token of the account (`Proof`). docs/api/account.md describes it.
"""

import hashlib
import logging
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import DatabaseError

from larder.core.errors import DomainError, Overloaded
from larder.core.mailboxes import canonical
from larder.core.shares import held_by
from larder.identity.passwords import hashers
from larder.identity.queries import names
from larder.identity.services import rates
from larder.identity.services.rates import Bucket, Rate, RateLimited, Store
from larder.identity.services.rates.networks import networks_of

logger = logging.getLogger(__name__)

Of = Literal["account", "address"]
Action = Literal[
    "log in", "returning", "register", "refresh", "reset", "confirm", "profile", "second factor"
]
Proof = Literal["none", "token"]
"""What shows, before a password is hashed, that a log-in comes from the owner of the account:
nothing, or a refresh token of the account."""
MINUTE, HOUR = 60, 3600
LONGEST_NAMED = 320
"""Characters of the name of an account: more than a username or an email address can have."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of an action. `failures`: the counters that only count failures."""

    account: Rate
    address: Rate
    failures: frozenset[Of] = frozenset()


WIDER = (1, 4, 16)
"""Factors of the limit of an IPv6 /64, /56 and /48: a few customers share the wider ones."""
BOTH: frozenset[Of] = frozenset({"account", "address"})
WITH_KNOWN_ADDRESSES: frozenset[Action] = frozenset({"log in", "second factor"})
"""The actions in which an account has separate attempts at each address where it succeeded."""
NORMAL: Mapping[Action, Limits] = {
    "log in": Limits(Rate(10, 10 * MINUTE), Rate(60, 10 * MINUTE), failures=BOTH),
    "returning": Limits(Rate(5, 10 * MINUTE), Rate(60, 10 * MINUTE)),
    "register": Limits(Rate(10, 10 * MINUTE), Rate(60, HOUR)),
    "refresh": Limits(Rate(60, MINUTE), Rate(60, 10 * MINUTE), failures=frozenset({"address"})),
    "reset": Limits(Rate(5, HOUR), Rate(30, HOUR)),
    "profile": Limits(Rate(10, 10 * MINUTE), Rate(60, HOUR)),
    "confirm": Limits(Rate(10, 10 * MINUTE), Rate(60, 10 * MINUTE), failures=BOTH),
    "second factor": Limits(Rate(10, 2 * HOUR), Rate(60, HOUR), failures=BOTH),
}
"""With these limits an attacker can guess a password 10 times, and then once a minute: in half a
year that is half a million guesses, from all unknown addresses together. Many customers may share
an address (an office, a mobile network), so only failures count there. Each log-in of the action
`returning` counts, so that accounts created for an attack cannot fill its lane
(passwords/hashers.py). A log-in above this limit is not refused; it is counted and hashed as one
without a proof.

Each change of a profile counts too: a success says that the name or the address was free.

Three of a million codes of an app are valid at a time. After 10 wrong ones, and then one each 12
minutes, a year of guesses by a client that knows the password succeeds once in eight."""
WIDE: Mapping[Action, Limits] = dict.fromkeys(
    NORMAL, Limits(Rate(1200, MINUTE), Rate(1200, MINUTE))
)
"""For demo mode and for load tests."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The configuration of a process. `secret` makes it impossible to read names and addresses from
    the keys of the buckets."""

    limits: Mapping[Action, Limits] = field(default_factory=lambda: NORMAL)
    store: Store = field(default_factory=rates.InDatabase)
    secret: str = ""


_setup = [Setup()]


def use(setup: Setup) -> None:
    """Sets the configuration. Called when a process starts, because Django creates forms and
    authentications without arguments."""
    _setup[0] = setup


@contextmanager
def attempt(
    action: Action,
    *,
    account: str | None,
    address: str,
    proof: Proof = "none",
    caller: int | None = None,
) -> Iterator[None]:
    """Counts the block as an attempt: `with attempt("log in", account=…, address=…):`.

    `account` is the name that the client sent (a username, an address, an id), whether such an
    account exists or not; None if it sent none. `caller` is the id of the account, if the request
    has its access token or cookie. A log-in counts for the id of the account with the username: a
    new username gives no new attempts, and an account with a similar one shares none. If the block
    raises a refusal (DomainError, ValidationError), the attempt failed. If it raises any other
    error, the attempt does not count.

    Passwords that the block hashes wait in the lane `returning` with a `proof` or a `caller`, or if
    the account logged in from this address before. Otherwise they wait in `open`.

    Raises RateLimited; Overloaded at once if the lane has no free place; DatabaseError if the
    database is unreachable (no log-in could succeed then).
    """
    setup = _setup[0]
    id, name = caller, None
    if action == "log in" and account is not None and caller is None:
        name, id = names.account_named(account)
    named = _Named(setup, action, account, networks_of(address), id, name)
    entry = _enter(named, proof, is_caller=caller is not None)
    back, mark = entry.taken, None
    try:
        is_log_in = action == "log in"
        with held_by(*named.holders()), hashers.in_lane(entry.lane) if is_log_in else nullcontext():
            yield
        back = entry.uncounted()
        mark = named.mark() if action in WITH_KNOWN_ADDRESSES else None
    except Overloaded:
        raise
    except (DomainError, ValidationError):
        back = []
        raise
    finally:
        _settle(setup.store, back, mark)


@dataclass(frozen=True, slots=True)
class _Entry:
    """The attempts that were taken, their names, and the lane in which hashes wait."""

    lane: hashers.Lane
    named: "_Named"
    taken: list[Bucket]

    def uncounted(self) -> list[Bucket]:
        """Returns the attempts that are given back after a success."""
        failures = self.named.setup.limits[self.named.action].failures
        keys = {one.key for of in failures for one in self.named.of(of)}
        return [one for one in self.taken if one.key in keys]


def _enter(named: "_Named", proof: Proof, *, is_caller: bool = False) -> _Entry:
    """Takes the attempts from their buckets. Raises RateLimited."""
    take = named.setup.store.take
    again = replace(named, action="returning")
    if proof == "token":
        with suppress(RateLimited):
            return _Entry("returning", again, take(again.buckets()))
    taken = take(named.buckets())
    if named.action == "log in" and (is_caller or named.is_known_here(taken)):
        with suppress(RateLimited):
            return _Entry("returning", named, [*taken, *take(again.buckets())])
    return _Entry("open", named, taken)


def _settle(store: Store, back: Sequence[Bucket], mark: UUID | None) -> None:
    """Gives attempts back. Logs an error of the database, because the request itself is done."""
    try:
        store.settle(back, mark)
    except DatabaseError:
        logger.warning(
            "attempts could not be given back, and count as failed; if this repeats, check that the"
            " database answers"
        )


@dataclass(frozen=True, slots=True)
class _Named:
    """The buckets of an attempt, and their names."""

    setup: Setup
    action: Action
    account: str | None
    networks: Sequence[str]
    """The networks of the client's address, the narrowest first."""
    id: int | None = None
    lowered: str | None = None
    """The username as the database compares it, of a log-in: a spelling that is another account's
    there is another one here, whether the account exists or not."""

    def buckets(self) -> list[Bucket]:
        return [*self.of("account"), *self.of("address")]

    def holders(self) -> list[UUID]:
        """Returns the keys of the account and the networks, the same for all actions: they share
        the places in the lanes of hashes. Without shares a few could fill a lane."""
        return [one.key for one in replace(self, action="log in").buckets()]

    def of(self, of: Of) -> list[Bucket]:
        limits = self.setup.limits[self.action]
        if of == "address":
            times, seconds = limits.address
            return [
                Bucket(self._key("address", one), Rate(times * wider, seconds))
                for one, wider in zip(self.networks, WIDER, strict=False)
            ]
        if self.account is None:
            return []
        everywhere = self._key("account", self.name)
        if self.action not in WITH_KNOWN_ADDRESSES:
            return [Bucket(everywhere, limits.account)]
        here = Bucket(self._key("account here", self.name, self.networks[0]), limits.account)
        return [here, Bucket(everywhere, limits.account, excuse=self.mark())]

    @property
    def name(self) -> str:
        """Returns the id of the account, where it is known: it stays if the account is renamed, and
        no other account has it. Otherwise one spelling of what the client sent."""
        if self.id is not None:
            return f"id {self.id}"
        return f"name {self.lowered or folded(self.account or '')}"

    def mark(self) -> UUID | None:
        """Returns the key of the mark that the account has succeeded at this address."""
        if self.account is None:
            return None
        return self._key("known here", self.name, self.networks[0])

    def is_known_here(self, taken: Sequence[Bucket]) -> bool:
        """Whether the mark excused a bucket, so that the bucket is not among those `taken`."""
        keys = {one.key for one in taken}
        return any(one.excuse and one.key not in keys for one in self.buckets())

    def _key(self, *names: str) -> UUID:
        return _key_of(self.setup, self.action, *names)


def _key_of(setup: Setup, *names: str) -> UUID:
    content = "\0".join(names).encode(errors="replace")
    secret = hashlib.sha256(setup.secret.encode()).digest()
    return UUID(bytes=hashlib.blake2b(content, digest_size=16, key=secret).digest())


MAILS = Rate(5, 24 * HOUR)
"""Mails about changes that an email address gets, of all accounts together that had it."""


def take_mail(email: str) -> bool:
    """Takes one of the MAILS of an email address. Returns whether one was left. Assumes an open
    transaction, which gives it back if it is rolled back."""
    try:
        rates.InDatabase().take([Bucket(_key_of(_setup[0], "mail", folded(email)), MAILS)])
    except RateLimited:
        return False
    return True


def folded(name: str) -> str:
    """Returns one spelling for all names of the same account. Different accounts may share it.

    Both forms of the domain of an email address are one. PostgreSQL's `lower` turns the Turkish İ
    into one letter, Python into two.

    >>> folded("Straße") == folded("STRASSE"), folded("\u0130") == folded("i")
    (True, True)
    """
    if len(name) > LONGEST_NAMED:
        # No account has this name. Normalizing takes quadratic time in a run of combining marks.
        return name
    return unicodedata.normalize("NFKC", canonical(name)).replace("\u0130", "i").casefold()
