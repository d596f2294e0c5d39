"""How often somebody may try a password, register, refresh or reset.

Each try is counted twice: for the account it is about, and for the address it comes from. What
succeeded is not counted where only failures are of interest. Whoever is refused waits, as long as
they are told, and nobody is shut out: tries that were refused do not count.

That a stranger can use up the tries of somebody's account is taken care of: addresses at which
the account logged in during the last 30 days have tries of their own, which no others can use up.
docs/api.md tells all this to clients.
"""

import hashlib
import logging
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import DatabaseError

from larder.common import rates
from larder.common.client_address import household
from larder.common.errors import DomainError, Overloaded
from larder.common.rates import Bucket, Rate, Store

logger = logging.getLogger(__name__)

Of = Literal["account", "address"]
Door = Literal["log in", "register", "refresh", "reset", "confirm", "profile"]
MINUTE, HOUR = 60, 3600
LONGEST_NAMED = 320
"""Characters of what an account is called: more than a user name or an address can have."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a door. `failures`: of what only failures count."""

    account: Rate
    address: Rate
    failures: frozenset[Of] = frozenset()


BOTH: frozenset[Of] = frozenset({"account", "address"})
NORMAL: Mapping[Door, Limits] = {
    "log in": Limits(Rate(10, 10 * MINUTE), Rate(60, 10 * MINUTE), failures=BOTH),
    "register": Limits(Rate(10, 10 * MINUTE), Rate(60, HOUR)),
    "refresh": Limits(Rate(60, MINUTE), Rate(60, 10 * MINUTE), failures=frozenset({"address"})),
    "reset": Limits(Rate(5, HOUR), Rate(30, HOUR)),
    "profile": Limits(Rate(10, 10 * MINUTE), Rate(60, HOUR), failures=BOTH),
    "confirm": Limits(Rate(10, 10 * MINUTE), Rate(60, 10 * MINUTE), failures=BOTH),
}
"""A password that is changed twice a year is guessed at 10 times and then once a minute: half a
million guesses from all strange addresses together. Many customers may share an address (an
office, a mobile network), and of theirs only failures count."""
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
def attempt(door: Door, *, account: str | None, address: str) -> Iterator[None]:
    """What is done within is a try at this door: `with attempt("log in", account=…, address=…):`.

    `account` is what the client calls it (a username, an address, an id), whether there is one
    of that name or not; None where it names none. A refusal raised within (DomainError,
    ValidationError) is a failure; anything else that is raised was no try at all.
    Raises RateLimited; DatabaseError with the database away, where nobody could be let in anyway.
    """
    setup = _setup[0]
    named = _Named(setup, door, account, household(address))
    taken = setup.store.take(named.buckets())
    back: Collection[Of] = ("account", "address")
    mark = None
    try:
        yield
        back = setup.limits[door].failures
        mark = named.mark() if door == "log in" else None
    except Overloaded:
        raise
    except (DomainError, ValidationError):
        back = ()
        raise
    finally:
        wanted = {one.key for of in back for one in named.of(of)}
        tries = [one for one in taken if one.key in wanted]
        _settle(setup.store, tries, mark)


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
    address: str

    def buckets(self) -> list[Bucket]:
        return [*self.of("account"), *self.of("address")]

    def of(self, of: Of) -> list[Bucket]:
        limits = self.setup.limits[self.door]
        if of == "address":
            return [Bucket(self._key("address", self.address), limits.address)]
        if self.account is None:
            return []
        name = folded(self.account)
        everywhere = self._key("account", name)
        if self.door != "log in":
            return [Bucket(everywhere, limits.account)]
        here = Bucket(self._key("account here", name, self.address), limits.account)
        return [here, Bucket(everywhere, limits.account, excuse=self.mark())]

    def mark(self) -> UUID | None:
        """Says that the account has logged in at the address."""
        if self.account is None:
            return None
        return self._key("known here", folded(self.account), self.address)

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
