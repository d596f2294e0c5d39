"""The payments of an order: what the shop holds, what is due, and the state in one word. Pure.

All of it follows from the records, in whatever order they arrive, in minor units of one currency.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from larder.core.money import to_payable
from larder.orders.lifecycle import CANCELLED, EXPIRED


class Kind(StrEnum):
    """What a record says about a payment."""

    AUTHORISED = "authorised"
    AUTHORISATION_RELEASED = "authorisation_released"
    CAPTURED = "captured"
    FAILED = "failed"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    DISPUTED = "disputed"
    DISPUTE_WON = "dispute_won"


class State(StrEnum):
    """The state of an order's payments in one word."""

    UNPAID = "unpaid"
    AUTHORISED = "authorised"
    PART_PAID = "part_paid"
    PAID = "paid"
    PART_REFUNDED = "part_refunded"
    REFUNDED = "refunded"
    OVERPAID = "overpaid"
    DISPUTED = "disputed"


@dataclass(frozen=True, slots=True)
class Record:
    """The record of a movement of money. `amount` is in minor units, `at` the provider's time,
    `actor` the public id of who recorded it."""

    id: int
    provider: str
    kind: str
    transaction_id: str
    intent: str
    amount: int
    currency: str
    at: datetime
    recorded_at: datetime
    actor: UUID
    reference: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Balances:
    """The sums of an order's records. `authorised` is what can still be captured, `refunded` what
    went back without a failure, `disputed` what the provider took back for disputes not won."""

    authorised: int = 0
    captured: int = 0
    refunded: int = 0
    disputed: int = 0

    @property
    def held(self) -> int:
        """What the shop has of the customer's money; never below zero."""
        return max(0, self.captured - self.refunded - self.disputed)

    @property
    def secured(self) -> int:
        """What the shop holds and can still capture."""
        return self.held + self.authorised


NOTHING = Balances()


def balances(records: Collection[Record]) -> Balances:
    """Returns the sums. A failed payment counts nothing, whenever its record arrives."""
    used = _named(records, Kind.CAPTURED, Kind.AUTHORISATION_RELEASED)
    failed = _named(records, Kind.REFUND_FAILED, by_intent=False)
    won = _named(records, Kind.DISPUTE_WON, by_intent=False)
    return Balances(
        authorised=_sum(records, Kind.AUTHORISED, without=used),
        captured=_sum(records, Kind.CAPTURED),
        refunded=_sum(records, Kind.REFUNDED, without=failed),
        disputed=_sum(records, Kind.DISPUTED, without=won),
    )


_Name = tuple[str, str, str]


def _names(record: Record, *, by_intent: bool = True) -> set[_Name]:
    """Returns the names by which a record belongs to another: the transaction, and its intent."""
    names = {(record.provider, "transaction", record.transaction_id)}
    if by_intent and record.intent:
        names.add((record.provider, "intent", record.intent))
    return names


def _named(records: Iterable[Record], *kinds: Kind, by_intent: bool = True) -> set[_Name]:
    names = (_names(each, by_intent=by_intent) for each in records if each.kind in kinds)
    return set().union(*names)


def _sum(records: Iterable[Record], kind: Kind, *, without: Collection[_Name] = frozenset()) -> int:
    return sum(
        each.amount for each in records if each.kind == kind and _names(each).isdisjoint(without)
    )


def payable(status: str, total: Decimal, currency: str) -> int:
    """Returns what the customer has to pay for an order. `total` is the exact sum of its lines
    without the returned units."""
    return 0 if status in {CANCELLED, EXPIRED} else to_payable(total, currency)


def amount_due(sums: Balances, payable: int) -> int:
    """Returns what the customer has yet to pay."""
    return max(0, payable - sums.held)


def refund_due(sums: Balances, payable: int) -> int:
    """Returns what the shop has to pay back."""
    return max(0, sums.held - payable)


def state(sums: Balances, payable: int) -> State:
    """Returns the state. A dispute that is not won outweighs everything else."""
    if sums.disputed:
        return State.DISPUTED
    if not sums.captured:
        return State.AUTHORISED if sums.authorised else State.UNPAID
    if sums.held > payable:
        return State.OVERPAID
    if sums.refunded:
        return State.PART_REFUNDED if sums.held else State.REFUNDED
    return State.PAID if sums.held == payable else State.PART_PAID
