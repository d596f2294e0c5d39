"""The refusals of orders. The lines of a refusal name all faulty lines, each with its code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from larder.core.errors import (
    Conflict,
    DomainError,
    Fault,
    Missing,
    NotFound,
    Telling,
    TooMany,
    UnknownProducts,
)
from larder.inventory.errors import InsufficientStock


class OrderRefusal(Telling, Conflict):
    """Base of the refusals that name what is wrong with an order itself."""


@dataclass
class LineRefusal(OrderRefusal):
    """Base of refusals that name lines."""

    lines: list[dict[str, Any]]


@dataclass
class PriceChanged(LineRefusal):
    """A price or the total is not the expected one."""

    total: Decimal | None = None
    expected: Decimal | None = None
    code = "price_changed"

    @property
    def extensions(self) -> dict[str, Any]:
        return super().extensions if self.expected is not None else {"lines": self.lines}


class OrderRule(LineRefusal):
    """The order breaks a rule of the shop. A line has too few or too many units, or no multiple."""

    code = "order_rule"


@dataclass
class OrderTooSmall(OrderRefusal):
    """The order breaks a rule of the shop. Its total is below the minimum."""

    total: Decimal
    minimum: Decimal
    lines: Sequence[Any] = ()
    code = "order_rule"


@dataclass
class CurrencyChanged(LineRefusal):
    """The shop no longer sells in the order's currency. `offered` is what it sells in now, so new
    lines have no price in `currency`."""

    currency: str
    offered: str
    code = "currency_changed"


class CartEmpty(Conflict):
    """The cart is empty."""

    code = "cart_empty"


class AlreadySubmitted(Conflict):
    """The cart was already submitted."""

    code = "already_submitted"


class OrderAbandoned(Conflict):
    """The order was abandoned and cannot be placed. By its id, or by the key of its request."""

    code = "order_abandoned"


class NotInCart(Missing):
    """The product is not in the cart."""

    code = "not_in_cart"


@dataclass
class CartFull(Conflict):
    """The cart has reached the maximum size of an order. Or lines of it have the maximum number of
    units."""

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
class InvalidTransition(Conflict):
    """The order's status does not allow this. Or not to this caller."""

    status: str
    move: str
    code = "invalid_transition"

    @property
    def extensions(self) -> dict[str, Any]:
        return {"from": self.status, "move": self.move}


class HoldExpired(LineRefusal):
    """The hold has expired and the units are no longer available. `lines`: those whose units were
    sold to others since."""

    code = "hold_expired"


@dataclass
class UnpaidLimit(OrderRefusal):
    """The account has ordered too many units without paying. With the `requested` units there would
    be more than `limit` in a day; there are `unpaid` so far."""

    limit: int
    unpaid: int
    requested: int
    code = "unpaid_limit"


@dataclass
class PaymentRequired(OrderRefusal):
    """The order would cost more than is paid for it. By the amount that is `due`; `paid` is paid
    for it or authorised: minor units of the `currency`. The shop needs payment in advance."""

    due: int
    paid: int
    currency: str
    code = "payment_required"


@dataclass
class ConflictingRepeat(Conflict):
    """This was already done, with different values. `earlier` has the `lines` that were packed
    differently, the `reason` of the cancellation, or the carrier and the tracking number."""

    status: str
    move: str
    earlier: dict[str, Any]
    code = "conflicting_repeat"

    @property
    def extensions(self) -> dict[str, Any]:
        return {"from": self.status, "move": self.move, **self.earlier}


class UnknownCustomer(NotFound):
    """The customer to place an order for does not exist."""

    fault = Fault("/customer", "unknown_value", "There is no such customer.")

    @property
    def extensions(self) -> dict[str, Any]:
        fault = self.fault
        return {"errors": [{"pointer": fault.where, "code": fault.code, "detail": fault.detail}]}


class ReturnExceedsShipped(LineRefusal):
    """The return has more units than were shipped."""

    code = "return_exceeds_shipped"


@dataclass
class PaymentConflict(Conflict):
    """This movement is recorded already, with other values. `differs`: those of `order`, `amount`
    and `currency` that differ. The order is left out for those who may not see it."""

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


@dataclass
class RefundExceedsDue(OrderRefusal):
    """The refund is more than what is due. `due` is the most, in minor units of the `currency`."""

    due: int
    currency: str
    code = "refund_exceeds_due"


class TooManyPayments(TooMany):
    """The order has the maximum number of payment records."""

    code = "too_many_payments"


class PaymentUnmatched(Conflict):
    """The order is not placed yet; send the event again."""

    code = "payment_unmatched"


PRECEDENCE: tuple[type[UnknownProducts | InsufficientStock | LineRefusal], ...] = (
    UnknownProducts,
    InsufficientStock,
    PriceChanged,
    OrderRule,
)
"""The order of the codes: a refusal of lines with several codes has the first of them."""

ORDERING: tuple[type[DomainError], ...] = (*PRECEDENCE, OrderTooSmall, UnpaidLimit)
"""The refusals of what is ordered, when an order is placed or changed."""
