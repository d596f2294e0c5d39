"""The ways orders refuses. The lines of a refusal name every faulty line, each with its code."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from larder.common.errors import DomainError, UnknownProducts
from larder.inventory.errors import InsufficientStock


@dataclass
class LineRefusal(DomainError):
    """Base of refusals that name lines."""

    lines: list[dict[str, Any]]

    @property
    def extensions(self) -> dict[str, Any]:
        return {"lines": self.lines}


class PriceChanged(LineRefusal):
    """A line expected another price than today's."""

    code = "price_changed"


class OrderRule(LineRefusal):
    """A line breaks a rule of the shop: fewest, most, or multiples of units."""

    code = "order_rule"


@dataclass
class OrderTooSmall(DomainError):
    """The order's total is below the shop's least."""

    total: Decimal
    minimum: Decimal
    code = "order_rule"

    @property
    def extensions(self) -> dict[str, Any]:
        return {"lines": [], "total": self.total, "minimum": self.minimum}


class CartEmpty(DomainError):
    """There is nothing in the draft that could be placed."""

    code = "cart_empty"


class AlreadySubmitted(DomainError):
    """The draft was placed before."""

    code = "already_submitted"


class NotInCart(DomainError):
    """The product is not in the customer's draft."""

    code = "not_in_cart"


@dataclass
class CartFull(DomainError):
    """The draft holds as many lines, or its line as many units, as an order can have."""

    limit: int
    code = "cart_full"

    @property
    def extensions(self) -> dict[str, Any]:
        return {"limit": self.limit}


PRECEDENCE: tuple[type[UnknownProducts | InsufficientStock | LineRefusal], ...] = (
    UnknownProducts,
    InsufficientStock,
    PriceChanged,
    OrderRule,
)
"""Which code stands on top when lines are faulty in several ways."""
