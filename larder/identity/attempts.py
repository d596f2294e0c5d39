"""How often somebody may try a password, register, refresh or reset.

Each try is counted twice: for the account it is about, and for the address it comes from. What
succeeded is not counted where only failures are of interest. Whoever is refused waits, as long as
they are told, and nobody is shut out: tries that were refused do not count.

That a stranger can use up the tries of somebody's account is taken care of: addresses at which
the account logged in during the last 30 days have tries of their own, which no others can use up.
And a log-in that shows a refresh token of the account is counted by itself (`Proof`), which
strangers cannot use up either. docs/reference/api/authentication.md
describes all this.
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
from larder.identity import hashers, rates
from larder.identity.client_address import networks_of
from larder.identity.rates import Bucket, Rate, RateLimited, Store

logger = logging.getLogger(__name__)

Of = Literal["account", "address"]
Door = Literal["log in", "returning", "register", "refresh", "reset", "confirm", "profile"]
Proof = Literal["none", "caller", "token"]
"""What shows, before any password is hashed, that a try to log in is its owner's: nothing, the
access token or the cookie of the request, or a refresh token that was issued to the account."""
MINUTE, HOUR = 60, 3600
LONGEST_NAMED = 320
"""Characters of what an account is called: more than a user name or an address can have."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a door. `failures`: of what only failures count."""

    account: Rate
    address: Rate
    failures: frozenset[Of] = frozenset()


WIDER = (1, 4, 16)
"""How many times as much an IPv6 /64, /56 and /48 may: a few customers share the wider ones."""
BOTH: frozenset[Of] = frozenset({"account", "address"})
NORMAL: Mapping[Door, Limits] = {
    "log in": Limits(Rate(10, 10 * MINUTE), Rate(60, 10 * MINUTE), failures=BOTH),
    "returning": Limits(Rate(5, 10 * MINUTE), Rate(60, 10 * MINUTE)),
    "register": Limits(Rate(10, 10 * MINUTE), Rate(60, HOUR)),
    "refresh": Limits(Rate(60, MINUTE), Rate(60, 10 * MINUTE), failures=frozenset({"address"})),
    "reset": Limits(Rate(5, HOUR), Rate(30, HOUR)),
    "profile": Limits(Rate(10, 10 * MINUTE), Rate(60, HOUR), failures=BOTH),
    "confirm": Limits(Rate(10, 10 * MINUTE), Rate(60, 10 * MINUTE), failures=BOTH),
}
"""A password that is changed twice a year is guessed at 10 times and then once a minute: half a
million guesses from all strange addresses together. Many customers may share an address (an
office, a mobile network), and of theirs only failures count. Of those that return every one
counts, so that accounts made for it do not fill their lane (hashers.py); one more is not
refused, but counted and hashed as if it showed nothing."""
WIDE: Mapping[Door, Limits] = dict.fromkeys(NORMAL, Limits(Rate(1200, MINUTE), Rate(1200, MINUTE)))
"""For demo mode and for load tests."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How a process counts. `secret` keeps names and addresses from being read out of keys."""

    limits: Mapping[Door, Limits] = field(default_factory=lambda: NORMAL)
    store: Store = field(default_factory=rates.InDatabase)
    secret: str = ""


_setup = [Setup()]


def use(setup: Setup) -> None:
    """Called when a process starts: Django makes forms and authentications without arguments."""
    _setup[0] = setup


@contextmanager
def attempt(
    door: Door, *, account: str | None, address: str, proof: Proof = "none"
) -> Iterator[None]:
    """What is done within is a try at this door: `with attempt("log in", account=…, address=…):`.

    `account` is what the client calls it (a username, an address, an id), whether there is one
    of that name or not; None where it names none. A refusal raised within (DomainError,
    ValidationError) is a failure; anything else that is raised was no try at all.
    Passwords that are hashed within wait in the lane `returning` if `proof` says so, or if the
    account logged in from this address before; otherwise in `open`.
    Raises RateLimited; Overloaded at once if the lane has no free place; DatabaseError with the
    database away, where no log-in could succeed.
    """
    setup = _setup[0]
    named = _Named(setup, door, account, networks_of(address))
    entry = _enter(named, proof)
    back, mark = entry.taken, None
    try:
        with hashers.place(entry.lane, entry.holders()) if door == "log in" else nullcontext():
            yield
        back = entry.uncounted()
        mark = named.mark() if door == "log in" else None
    except Overloaded:
        raise
    except (DomainError, ValidationError):
        back = []
        raise
    finally:
        _settle(setup.store, back, mark)


@dataclass(frozen=True, slots=True)
class _Entry:
    """The tries that were taken, by whose names, and the lane that hashes wait in."""

    lane: hashers.Lane
    named: "_Named"
    taken: list[Bucket]

    def holders(self) -> list[UUID]:
        """Return keys of the account and the networks that share the open lane with others.

        Right passwords are not counted there, so without shares a few accounts could fill it.
        """
        return [one.key for one in self.named.buckets()] if self.lane == "open" else []

    def uncounted(self) -> list[Bucket]:
        """The tries that are given back after a success."""
        failures = self.named.setup.limits[self.named.door].failures
        keys = {one.key for of in failures for one in self.named.of(of)}
        return [one for one in self.taken if one.key in keys]


def _enter(named: "_Named", proof: Proof) -> _Entry:
    """Takes the tries. Raises RateLimited."""
    take = named.setup.store.take
    again = replace(named, door="returning")
    if proof == "token":
        with suppress(RateLimited):
            return _Entry("returning", again, take(again.buckets()))
    taken = take(named.buckets())
    if proof == "caller" or named.was_here(taken):
        with suppress(RateLimited):
            return _Entry("returning", named, [*taken, *take(again.buckets())])
    return _Entry("open", named, taken)


def _settle(store: Store, back: Sequence[Bucket], mark: UUID | None) -> None:
    """What was done is done: that it was counted as a failure too is not worth an error."""
    try:
        store.settle(back, mark)
    except DatabaseError:
        logger.warning("tries could not be given back")


@dataclass(frozen=True, slots=True)
class _Named:
    """The buckets of a try, and their names."""

    setup: Setup
    door: Door
    account: str | None
    networks: Sequence[str]
    """The narrowest first: where the client is."""

    def buckets(self) -> list[Bucket]:
        return [*self.of("account"), *self.of("address")]

    def of(self, of: Of) -> list[Bucket]:
        limits = self.setup.limits[self.door]
        if of == "address":
            times, seconds = limits.address
            return [
                Bucket(self._key("address", one), Rate(times * wider, seconds))
                for one, wider in zip(self.networks, WIDER, strict=False)
            ]
        if self.account is None:
            return []
        name = folded(self.account)
        everywhere = self._key("account", name)
        if self.door != "log in":
            return [Bucket(everywhere, limits.account)]
        here = Bucket(self._key("account here", name, self.networks[0]), limits.account)
        return [here, Bucket(everywhere, limits.account, excuse=self.mark())]

    def mark(self) -> UUID | None:
        """Says that the account has logged in at the address."""
        if self.account is None:
            return None
        return self._key("known here", folded(self.account), self.networks[0])

    def was_here(self, taken: Sequence[Bucket]) -> bool:
        """Whether the mark excused a bucket: of all that were asked for it was not taken from."""
        keys = {one.key for one in taken}
        return any(one.excuse and one.key not in keys for one in self.buckets())

    def _key(self, *names: str) -> UUID:
        said = "\0".join((self.door, *names)).encode(errors="replace")
        secret = hashlib.sha256(self.setup.secret.encode()).digest()
        return UUID(bytes=hashlib.blake2b(said, digest_size=16, key=secret).digest())


def folded(name: str) -> str:
    """One spelling for all that mean one account; different accounts may share it.

    PostgreSQL's `lower` makes one letter of the Turkish İ, Python two.

    >>> folded("Straße") == folded("STRASSE"), folded("\u0130") == folded("i")
    (True, True)
    """
    if len(name) > LONGEST_NAMED:
        # Nobody is called so, and normalising takes time by the square of a run of marks.
        return name
    return unicodedata.normalize("NFKC", name).replace("\u0130", "i").casefold()
