"""Quotas: how much the account of a customer can store in a time, however it was obtained.

Each customer has a bucket for each quota, as those of rate limits (attempts.py). Units are taken in
the transaction that stores what they are for, which is rolled back if there are too few: a request
that is refused, fails or repeats another takes none, and concurrent ones cannot take more than
there is.

docs/api/conventions.md describes them to clients.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Literal, NamedTuple, get_args

from larder.db import database
from larder.identity import sql
from larder.identity.services.attempts import EXACT, HOUR, Rate, RateLimited

Name = Literal["orders", "order_changes", "addresses", "keys", "abandoned"]
NAMES: tuple[Name, ...] = get_args(Name)

Limits = Mapping[Name, Rate | None]
"""The rate of each quota; None for no limit."""

NORMAL: Limits = {
    "order_changes": Rate(600, HOUR),
    "addresses": Rate(60, HOUR),
    "keys": Rate(20, HOUR),
    "abandoned": Rate(500, 24 * HOUR),
}
"""The quotas beside that of orders, which each shop chooses."""


class Remaining(NamedTuple):
    """What is left of a quota. `used` is the time in seconds after which the bucket is full."""

    name: Name
    rate: Rate
    used: float

    @property
    def units(self) -> int:
        """How many units the bucket has."""
        return max(0, int((self.rate.seconds - self.used + EXACT) / self.rate.spacing))

    @property
    def wait(self) -> float:
        """Seconds until the bucket has one more unit; 0 if it is full."""
        if self.units >= self.rate.times:
            return 0.0
        return max(0.0, self.used - self.rate.seconds + (self.units + 1) * self.rate.spacing)

    def after(self, units: int) -> "Remaining":
        """Returns what is left when so many units more are taken."""
        return self._replace(used=self.used + units * self.rate.spacing)


class QuotaExceeded(RateLimited):
    """The account has used up a quota. After `wait` seconds it has a unit again."""

    remaining: Remaining
    code = "quota_exceeded"

    def __init__(self, remaining: Remaining) -> None:
        super().__init__(remaining.wait)
        self.remaining = remaining

    @property
    def extensions(self) -> dict[str, Any]:
        return {"quota": self.remaining.name}


_limits: dict[Name, Rate | None] = {}


def use(limits: Limits) -> None:
    """Sets the quotas of the process. Those that are missing do not limit."""
    _limits.clear()
    _limits.update(limits)


REMAINING: ContextVar[Remaining | None] = ContextVar("remaining", default=None)
"""What the request of this thread left of its quota, for its answer. None when it begins."""


def take(name: Name, customer: int, units: int = 1) -> None:
    """Takes units, and notes what is left. Assumes that the transaction is open that stores what
    the units are for. Raises QuotaExceeded."""
    for before in submit_take(name, {customer: units})().values():
        after = before.after(min(units, before.rate.times))
        if after.used > before.rate.seconds + EXACT:
            raise QuotaExceeded(before)
        REMAINING.set(after)


def submit_take(name: Name, units: Mapping[int, int]) -> Callable[[], dict[int, Remaining]]:
    """Submits the statement that takes units of these customers, and returns a function that
    returns what each had before. It is empty if there is no limit.

    Takes also what is not there. Assumes an open transaction, which is rolled back, or gives back
    what it does not use. Until then others who take from these quotas wait.
    """
    rate = _limits.get(name)
    if rate is None or not units:
        return dict
    taking = database.submit(sql.TAKE, _columns(name, rate, units))

    def read() -> dict[int, Remaining]:
        after = {key.int & _ID: Remaining(name, rate, used) for key, used in taking()}
        return {customer: left.after(-units[customer]) for customer, left in after.items()}

    return read


def give_back(name: Name, units: Mapping[int, int]) -> None:
    """Gives units back that this transaction took for something that it does not store."""
    rate = _limits.get(name)
    if rate is not None and units:
        back = {customer: -number for customer, number in units.items()}
        database.execute(sql.TAKE, _columns(name, rate, back))


def _columns(name: Name, rate: Rate, units: Mapping[int, int]) -> list[list[Any]]:
    """Returns the keys of buckets as hex digits: the number of the quota, and the customer's id;
    and the time of the units. Keys of rate limits are digests: their first half is not so small."""
    quota = f"{NAMES.index(name) + 1:016x}"
    keys = [f"{quota}{customer:016x}" for customer in units]
    return [keys, [rate.microseconds(number) for number in units.values()]]


_ID = (1 << 64) - 1
