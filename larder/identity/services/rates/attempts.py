"""Rate limits of log-ins, registrations, refreshes, password resets and changes of profiles.

Each attempt is counted twice: for its account and for its client address. For some actions only
failures count. A refused client gets the time to wait. Refused attempts do not count, so no client
is locked out for ever.

An attacker must not use up the attempts of another account. So client addresses at which the
account registered, logged in, or gave a code, during the last 30 days have separate attempts. So
has a client that shows that it has a token of the account. docs/api/account.md describes it.
"""

import hashlib
import logging
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import DatabaseError

from larder.core.errors import DomainError, Overloaded
from larder.core.mailboxes import canonical
from larder.core.per_key import SlotsPerKey
from larder.identity.passwords import hashers
from larder.identity.queries import names
from larder.identity.services import rates
from larder.identity.services.rates import Bucket, Rate, RateLimited
from larder.identity.services.rates.networks import networks_of

logger = logging.getLogger(__name__)

Of = Literal["account", "address"]
Action = Literal[
    "anonymous",
    "log in",
    "every log in",
    "register",
    "refresh",
    "reset",
    "confirm",
    "profile",
    "second factor",
]
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
_hashing = SlotsPerKey(3)
"""Log-ins of an account, and of a client's widest network, that hash or wait for it in a process: a
third of the places of a lane, so that many at once leave places to others."""
BOTH: frozenset[Of] = frozenset({"account", "address"})
WITH_KNOWN_ADDRESSES: frozenset[Action] = frozenset({"log in", "second factor"})
"""The actions in which an account has separate attempts at each address where it succeeded."""
NORMAL: Mapping[Action, Limits] = {
    "anonymous": Limits(Rate(600, MINUTE), Rate(600, MINUTE)),
    "log in": Limits(Rate(10, 10 * MINUTE), Rate(60, 10 * MINUTE), failures=BOTH),
    "every log in": Limits(Rate(30, MINUTE // 2), Rate(300, MINUTE)),
    "register": Limits(Rate(10, 10 * MINUTE), Rate(60, HOUR)),
    "refresh": Limits(Rate(60, MINUTE), Rate(60, 10 * MINUTE), failures=frozenset({"address"})),
    "reset": Limits(Rate(5, HOUR), Rate(30, HOUR)),
    "profile": Limits(Rate(10, 10 * MINUTE), Rate(60, HOUR)),
    "confirm": Limits(Rate(10, 10 * MINUTE), Rate(60, 10 * MINUTE), failures=BOTH),
    "second factor": Limits(Rate(10, 2 * HOUR), Rate(60, HOUR), failures=BOTH),
}
"""With these limits an attacker can guess a password 10 times, and then once a minute: in half a
year that is half a million guesses, from all unknown addresses together. Many customers may share
an address (an office, a mobile network), so only failures count there. Beside it each log-in counts
for a wide limit, also with the right password (`every log in`), because each costs a hash: no
person reaches it, and an account that logs in without end takes 3 % of a core.

Each request without credentials that has a body counts for its address before the body is parsed
(`anonymous`), whatever becomes of it.

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
    secret: str = ""


_setup = [Setup()]


def use(setup: Setup) -> None:
    """Sets the configuration. Called when a process starts, because Django creates forms and
    authentications without arguments."""
    _setup[0] = setup


@contextmanager
def attempt(
    action: Action, *, account: str | None, address: str, is_proven: bool = False
) -> Iterator[None]:
    """Counts the block as an attempt: `with attempt("log in", account=…, address=…):`.

    `account` is the name that the client sent (a username, an address, an id), whether such an
    account exists or not; None if it sent none. `is_proven`: the client has a token or a cookie of
    the account. A log-in counts for the id of the account with the username: a new username gives
    no new attempts, and an account with a similar one shares none. If the block raises a refusal
    (DomainError, ValidationError), the attempt failed. If it raises any other error, the attempt
    does not count. Passwords of staff that the block hashes have a separate lane.

    Raises RateLimited; DatabaseError if the database is unreachable (no log-in could succeed then).
    """
    named = _Named(_setup[0], action, account, networks_of(address), is_proven=is_proven)
    with ExitStack() as hashing:
        if action == "log in" and account is not None:
            hashing.enter_context(_hashing.hold(named.networks[-1]))
            named, is_staff = named.found()
            hashing.enter_context(_hashing.hold(named.name))
            hashing.enter_context(hashers.in_lane("staff" if is_staff else "others"))
        with _counted(named):
            yield


@contextmanager
def _counted(named: "_Named") -> Iterator[None]:
    taken = rates.take(named.buckets())
    back, mark = taken, None
    try:
        yield
        back, mark = named.uncounted(taken), named.mark_of_success()
    except Overloaded:
        raise
    except (DomainError, ValidationError):
        back = []
        raise
    finally:
        _settle(back, mark)


def _settle(back: Sequence[Bucket], mark: UUID | None) -> None:
    """Gives attempts back. Logs an error of the database, because the request itself is done."""
    try:
        rates.settle(back, mark)
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
    folded: str | None = None
    """The username as the database compares it, of a log-in: a spelling that is another account's
    there is another one here, whether the account exists or not."""
    is_proven: bool = False

    def found(self) -> tuple["_Named", bool]:
        """Returns the attempt with the id of the account that has the name, and whether this is one
        of staff."""
        name, id, is_staff = names.account_named(self.account or "")
        return replace(self, id=id, folded=name), is_staff

    def buckets(self) -> list[Bucket]:
        counted = [*self.of("account"), *self.of("address")]
        if self.action == "log in":
            counted += replace(self, action="every log in").buckets()
        return counted

    def uncounted(self, taken: Sequence[Bucket]) -> list[Bucket]:
        """Returns the attempts that are given back after a success."""
        failures = self.setup.limits[self.action].failures
        keys = {bucket.key for of in failures for bucket in self.of(of)}
        return [bucket for bucket in taken if bucket.key in keys]

    def of(self, of: Of) -> list[Bucket]:
        limits = self.setup.limits[self.action]
        if of == "address":
            times, seconds = limits.address
            return [
                Bucket(self._key("address", network), Rate(times * wider, seconds))
                for network, wider in zip(self.networks, WIDER, strict=False)
            ]
        if self.account is None:
            return []
        if self.is_proven and self.action == "log in":
            return [Bucket(self._key("account proven", self.name), limits.account)]
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
        return f"name {self.folded or folded(self.account or '')}"

    def mark(self) -> UUID | None:
        """Returns the key of the mark that the account has succeeded at this address."""
        if self.account is None:
            return None
        return self._key("known here", self.name, self.networks[0])

    def mark_of_success(self) -> UUID | None:
        """Returns the mark that a success leaves. A registration leaves that of a log-in, so that
        strangers cannot lock the owner of a new account out."""
        if self.action in WITH_KNOWN_ADDRESSES:
            return self.mark()
        if self.action == "register" and self.account is not None:
            return replace(self, action="log in").found()[0].mark()
        return None

    def _key(self, *names: str) -> UUID:
        return _key_of(self.setup, self.action, *names)


def _key_of(setup: Setup, *names: str) -> UUID:
    content = "\0".join(names).encode(errors="replace")
    secret = hashlib.sha256(setup.secret.encode()).digest()
    return UUID(bytes=hashlib.blake2b(content, digest_size=16, key=secret).digest())


def count_anonymous(address: str) -> None:
    """Counts a request without credentials, before its body is parsed. Raises RateLimited."""
    rates.take(_Named(_setup[0], "anonymous", None, networks_of(address)).buckets())


MAILS = Rate(5, 24 * HOUR)
"""Mails about changes of an account, and those that an email address gets, of all accounts together
that had it. Otherwise a customer could enter one foreign address after the other, and make the shop
send mail to all, or use many accounts for one address."""


def take_mail(email: str, *, account: int) -> bool:
    """Takes one of the MAILS of an email address and of an account. Returns whether there was one.
    Assumes an open transaction, which gives it back if it is rolled back."""
    names = (("mail", folded(email)), ("mails of", str(account)))
    try:
        rates.take([Bucket(_key_of(_setup[0], *name), MAILS) for name in names])
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
