"""Rate limits of log-ins, registrations, refreshes, password resets and changes of profiles.

A bucket holds `rate.times` attempts. It refills evenly, completely within `rate.seconds`. Only one
time is stored: when the bucket is full again (the generic cell rate algorithm of ATM's traffic
management). Refused attempts do not count, so a client that is too fast must wait, but is never
locked out. The rows are in an unlogged table, which all processes and servers share: they cost no
write-ahead log and no wait for the disk. After a crash of the database all buckets are full. The
clock is that of the database.

docs/api/account.md describes the limits to clients.
"""

import hashlib
import logging
import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Literal, NamedTuple
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import DatabaseError

from larder.core.errors import DomainError, Limited, Overloaded
from larder.core.limits import MAX_USERNAME_LENGTH
from larder.core.mailboxes import canonical
from larder.core.waits import SlotsPerKey
from larder.db import database
from larder.identity import sql
from larder.identity.models import Customer

logger = logging.getLogger(__name__)

MINUTE, HOUR = 60, 3600


@dataclass(frozen=True)
class Rate:
    """A limit: `times` attempts at once, and `times` again within `seconds`."""

    times: int
    seconds: int

    @cached_property
    def spacing(self) -> float:
        """Seconds until the bucket has one more attempt."""
        return self.seconds / self.times

    def microseconds(self, units: int = 1) -> int:
        """Returns the time in which the bucket gets so many units."""
        return round(units * self.spacing * 1_000_000)


class Bucket(NamedTuple):
    """A counter of attempts."""

    key: UUID
    rate: Rate


@dataclass
class RateLimited(Limited):
    """Too many requests. After `wait` seconds the next one is accepted."""

    wait: float
    code = "throttled"

    @property
    def retry_after(self) -> int:
        """Whole seconds, at least one."""
        return max(1, math.ceil(self.wait))


EXACT = 0.001
"""Seconds: compensates for rounding to microseconds."""


def take(buckets: Sequence[Bucket]) -> None:
    """Takes one attempt from each bucket, or from none: those of a refusal are given back at once.
    Raises RateLimited."""
    used = dict(database.rows(sql.TAKE, _columns(buckets)))
    wait = max(used[bucket.key] - bucket.rate.seconds for bucket in buckets)
    if wait > EXACT:
        give_back(buckets)
        raise RateLimited(wait)


def give_back(buckets: Sequence[Bucket]) -> None:
    """Gives one attempt back to each bucket."""
    if buckets:
        database.execute(sql.TAKE, _columns(buckets, -1))


def _columns(buckets: Sequence[Bucket], units: int = 1) -> list[list[Any]]:
    return [[key for key, _ in buckets], [rate.microseconds(units) for _, rate in buckets]]


def delete_idle(*, limit: int) -> int:
    """Deletes up to `limit` full buckets. Returns their number."""
    return len(database.rows(sql.DELETE_IDLE_BUCKETS, [limit]))


Of = Literal["account", "account at address", "address"]
Action = Literal[
    "anonymous", "log in", "register", "refresh", "reset", "confirm", "profile", "second factor"
]


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of an action. `failures`: only failures count."""

    of: Of
    rate: Rate
    failures: bool = False


NORMAL: Mapping[Action, Sequence[Limit]] = {
    "anonymous": [Limit("address", Rate(600, MINUTE))],
    "log in": [
        Limit("account at address", Rate(10, 10 * MINUTE), failures=True),
        Limit("account", Rate(100, HOUR), failures=True),
        Limit("address", Rate(60, 10 * MINUTE), failures=True),
        Limit("account", Rate(100, 100)),
        Limit("address", Rate(300, MINUTE)),
    ],
    "register": [Limit("account", Rate(10, 10 * MINUTE)), Limit("address", Rate(60, HOUR))],
    "refresh": [
        Limit("account", Rate(60, MINUTE)),
        Limit("address", Rate(60, 10 * MINUTE), failures=True),
    ],
    "reset": [Limit("account", Rate(5, HOUR)), Limit("address", Rate(30, HOUR))],
    "profile": [Limit("account", Rate(10, 10 * MINUTE)), Limit("address", Rate(60, HOUR))],
    "confirm": [Limit("address", Rate(60, 10 * MINUTE), failures=True)],
    "second factor": [
        Limit("account", Rate(10, 2 * HOUR), failures=True),
        Limit("address", Rate(60, HOUR), failures=True),
    ],
}
"""An attacker with many addresses can guess a password 100 times, and then 100 times an hour: in
half a year that is half a million guesses. One with a single address cannot keep the owner out.
Many customers may share an address (an office, a mobile network), so only failures count there.
Right passwords have a wide limit, because each costs a hash and a session: no person reaches it.
Each change of a profile counts: a success says that the name or the address was free.

Three of a million codes of an app are valid at a time. After 10 wrong ones, and then one each 12
minutes, a year of guesses by a client that knows the password succeeds once in eight."""
WIDE: Mapping[Action, Sequence[Limit]] = {
    action: [Limit(limit.of, Rate(1200, MINUTE), limit.failures) for limit in limits]
    for action, limits in NORMAL.items()
}
"""For demo mode and for load tests."""

_hashing = SlotsPerKey(3)
"""Log-ins of an account, and of a client's network, that hash or wait for it in a process: a third
of the places of a lane, so that many at once leave places to others."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The configuration of a process. Without `secret` nobody can read names and addresses from the
    keys of the buckets."""

    limits: Mapping[Action, Sequence[Limit]] = field(default_factory=lambda: NORMAL)
    secret: str = ""


_setup = [Setup()]


def use(setup: Setup) -> None:
    """Sets the configuration. Called when a process starts."""
    _setup[0] = setup


@contextmanager
def attempt(
    action: Action, *, account: str | None, address: str, is_proven: bool = False
) -> Iterator[None]:
    """Counts the block as an attempt: `with attempt("log in", account=…, address=…):`.

    `account` is the name that the client sent (a username, an address, an id), whether such an
    account exists or not; None if it sent none. `is_proven`: the client has a token or a cookie of
    the account, so that attempts of others do not count for it. A log-in counts for the id of the
    account with the username: a new username gives no new attempts, and an account with a similar
    one shares none. If the block raises a refusal (DomainError, ValidationError), the attempt
    failed. If it raises any other error, the attempt does not count.

    Raises RateLimited; DatabaseError if the database is unreachable (no log-in could succeed then).
    """
    network, name = network_of(address), account and f"name {folded(account)}"
    with ExitStack() as hashing:
        if action == "log in" and account is not None:
            hashing.enter_context(_hashing.hold(network))
            name = _account_named(account)
            hashing.enter_context(_hashing.hold(name))
        with _counted(action, network, f"proven {name}" if is_proven else name):
            yield


@contextmanager
def _counted(action: Action, network: str, name: str | None) -> Iterator[None]:
    buckets = {
        limit: Bucket(_key(action, limit, network, name), limit.rate)
        for limit in _setup[0].limits[action]
        if limit.of == "address" or name is not None
    }
    take([*buckets.values()])
    back = [*buckets.values()]
    try:
        yield
        back = [bucket for limit, bucket in buckets.items() if limit.failures]
    except Overloaded:
        raise
    except (DomainError, ValidationError):
        back = []
        raise
    finally:
        try:
            give_back(back)
        except DatabaseError:
            # The request itself is done.
            logger.warning(
                "attempts could not be given back, and count as failed; if this repeats, check that"
                " the database answers"
            )


def _key(action: Action, limit: Limit, network: str, name: str | None) -> UUID:
    counted = {
        "address": (network,),
        "account": (name or "",),
        "account at address": (name or "", network),
    }
    return _digest(action, str(limit), *counted[limit.of])


def _digest(*names: str) -> UUID:
    content = "\0".join(names).encode(errors="replace")
    secret = hashlib.sha256(_setup[0].secret.encode()).digest()
    return UUID(bytes=hashlib.blake2b(content, digest_size=16, key=secret).digest())


def _account_named(username: str) -> str:
    """Returns the name for which a log-in counts.

    The id of the account stays if it is renamed, and no other account has it. Where there is none,
    the name as the database compares it: a spelling that is another account's there is another one
    here, whether the account exists or not.
    """
    unknown = f"name {folded(username)}"
    try:
        username.encode()
    except UnicodeEncodeError:
        return unknown
    normal = "" if len(username) > MAX_USERNAME_LENGTH else Customer.normalize_username(username)
    if not normal or "\0" in normal:
        return unknown
    ((name, id),) = database.rows(sql.ACCOUNT_NAMED, [normal])
    return f"name {name}" if id is None else f"id {id}"


MAILS = Rate(5, 24 * HOUR)
"""Mails about changes of an account, and those that an email address gets, of all accounts together
that had it. Otherwise a customer could enter one foreign address after the other, and make the shop
send mail to all, or use many accounts for one address."""


def take_mail(email: str, *, account: int) -> bool:
    """Takes one of the MAILS of an email address and of an account. Returns whether there was one.
    Assumes an open transaction, which gives it back if it is rolled back."""
    names = (("mail", folded(email)), ("mails of", str(account)))
    try:
        take([Bucket(_digest(*name), MAILS) for name in names])
    except RateLimited:
        return False
    return True


LONGEST_NAMED = 320
"""Characters of the name of an account: more than a username or an email address can have."""


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


Address = IPv4Address | IPv6Address
PREFIX = 56
"""Bits of an IPv6 address that providers assign to one customer (RIPE-690, section 4.2). The
customer chooses the others, and can use another address for each request."""


def network_of(address: str) -> str:
    """Returns what the addresses of one client have in common. IPv4 addresses are expensive, and
    many customers share one, so IPv4 networks are not counted.

    >>> network_of("203.0.113.9"), network_of("2001:db8:1:2345:6:7:8:9")
    ('203.0.113.9', '2001:db8:1:2300::/56')
    """
    ip = parsed(address)
    if isinstance(ip, IPv6Address):
        return str(IPv6Network((ip, PREFIX), strict=False))
    return str(ip or address)


def parsed(text: str) -> Address | None:
    """Returns the address without the port that some proxies add: `203.0.113.9:4711`,
    `[2001:db8::1]:4711`. None if the text is not an address."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        ip = ip_address(host)
    except ValueError:
        return None
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return mapped or ip
