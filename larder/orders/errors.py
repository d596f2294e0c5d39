"""The refusals of orders. The lines of a refusal name all faulty lines, each with its code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from larder.core.errors import DomainError, Fault, NotFound, TooMany, UnknownProducts
from larder.inventory.errors import InsufficientStock


class OrderRefusal(DomainError):
    """Base of the refusals that name what is wrong with an order itself."""


@dataclass
class LineRefusal(OrderRefusal):
    """Base of refusals that name lines."""

    lines: list[dict[str, Any]]

    @property
    def extensions(self) -> dict[str, Any]:
        return {"lines": self.lines}


@dataclass
class PriceChanged(LineRefusal):
    """The price of a line is not the expected one, or the `total` is not."""

    total: Decimal | None = None
    expected: Decimal | None = None
    code = "price_changed"

    @property
    def extensions(self) -> dict[str, Any]:
        totals = {"total": self.total, "expected": self.expected}
        return super().extensions | (totals if self.expected is not None else {})


class OrderRule(LineRefusal):
    """A line breaks a rule of the shop: minimum, maximum, or multiples of units."""

    code = "order_rule"


@dataclass
class OrderTooSmall(OrderRefusal):
    """The order's total is below the shop's minimum."""

    total: Decimal
    minimum: Decimal
    code = "order_rule"

    @property
    def extensions(self) -> dict[str, Any]:
        return {"lines": [], "total": self.total, "minimum": self.minimum}


@dataclass
class CurrencyChanged(LineRefusal):
    """The order's `currency` is not the one that the shop sells in now (`offered`), so new lines
    have no price in it."""

    currency: str
    offered: str
    code = "currency_changed"

    @property
    def extensions(self) -> dict[str, Any]:
        return super().extensions | {"currency": self.currency, "offered": self.offered}


class CartEmpty(DomainError):
    """The cart has no lines."""

    code = "cart_empty"


class AlreadySubmitted(DomainError):
    """The cart was placed before."""

    code = "already_submitted"


class OrderAbandoned(DomainError):
    """The order's id, or the key of its request, was abandoned, so it cannot be placed."""

    code = "order_abandoned"


class NotInCart(DomainError):
    """The product is not in the customer's cart."""

    code = "not_in_cart"


@dataclass
class CartFull(DomainError):
    """The cart has the maximum number of lines, or lines of it the maximum number of units."""

    limit: int
    units: Mapping[int, int] = field(default_factory=dict)
    """The requested units of each product with more than the maximum."""
    code = "cart_full"

    @property
    def extensions(self) -> dict[str, Any]:
        if not self.units:
            return {"limit": self.limit}
        lines = [
            {"code": self.code, "product": product, "requested": requested, "limit": self.limit}
            for product, requested in self.units.items()
        ]
        return {"limit": self.limit, "product": next(iter(self.units)), "lines": lines}


@dataclass
class InvalidTransition(DomainError):
    """The order's status does not allow the move, or not to this caller."""

    status: str
    move: str
    code = "invalid_transition"

    @property
    def extensions(self) -> dict[str, Any]:
        return {"from": self.status, "move": self.move}


class HoldExpired(LineRefusal):
    """The hold has expired, and units of these lines were sold to others since."""

    code = "hold_expired"


@dataclass
class UnpaidLimit(OrderRefusal):
    """With the `requested` units, the customer would have ordered more than `limit` in a day
    without paying; there are `unpaid` so far."""

    limit: int
    unpaid: int
    requested: int
    code = "unpaid_limit"

    @property
    def extensions(self) -> dict[str, Any]:
        return {"limit": self.limit, "unpaid": self.unpaid, "requested": self.requested}


@dataclass
class PaymentRequired(OrderRefusal):
    """The change would raise the order above what is `paid` for it or authorised, by the amount
    that is `due`: minor units of the `currency`. The shop needs payment in advance."""

    due: int
    paid: int
    currency: str
    code = "payment_required"

    @property
    def extensions(self) -> dict[str, Any]:
        return {"due": self.due, "paid": self.paid, "currency": self.currency}


@dataclass
class ConflictingRepeat(DomainError):
    """The move was already made with different values: `made` has the `lines` that were packed
    differently, the `reason` of the cancellation, or the carrier and the tracking number."""

    status: str
    move: str
    made: dict[str, Any]
    code = "conflicting_repeat"

    @property
    def extensions(self) -> dict[str, Any]:
        return {"from": self.status, "move": self.move, **self.made}


class UnknownCustomer(NotFound):
    """The customer to place an order for does not exist."""

    fault = Fault("/customer", "unknown_value", "There is no such customer.")

    @property
    def extensions(self) -> dict[str, Any]:
        fault = self.fault
        return {"errors": [{"pointer": fault.where, "code": fault.code, "detail": fault.detail}]}


class ReturnExceedsShipped(LineRefusal):
    """More units would be returned than were shipped and not returned yet."""

    code = "return_exceeds_shipped"


@dataclass
class PaymentConflict(DomainError):
    """The movement is recorded already, and other values of it differ: those named in `differs`,
    of `order`, `amount` and `currency`. The order is left out for those who may not see it."""

    differs: Sequence[str]
    amount: int
    currency: str
    order: UUID | None = None
    code = "payment_conflict"

    @property
    def extensions(self) -> dict[str, Any]:
        order = {} if self.order is None else {"order": str(self.order)}
        values = {"amount": self.amount, "currency": self.currency, **order}
        return {"differs": list(self.differs), **values}


class TooManyPayments(TooMany):
    """The order has the maximum number of records of payments."""

    code = "too_many_payments"


class PaymentUnmatched(DomainError):
    """The event names an order that is not placed yet."""

    code = "payment_unmatched"


PRECEDENCE: tuple[type[UnknownProducts | InsufficientStock | LineRefusal], ...] = (
    UnknownProducts,
    InsufficientStock,
    PriceChanged,
    OrderRule,
)
"""The order of the codes: a refusal of lines with several codes has the first of them."""
