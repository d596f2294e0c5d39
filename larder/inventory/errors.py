"""Errors that inventory raises."""

from dataclasses import dataclass
from typing import Any

from larder.core.errors import DomainError, UnknownProducts


@dataclass
class InsufficientStock(DomainError):
    """Fewer units are available than requested. `lines` lists every such product."""

    lines: list[dict[str, Any]]
    code = "insufficient_stock"

    @property
    def extensions(self) -> dict[str, Any]:
        return {"lines": self.lines}


class CountBelowCommitted(InsufficientStock):
    """A count is lower than the committed units, which customers have already ordered."""

    code = "count_below_committed"


class StockLimitExceeded(InsufficientStock):
    """The change would exceed the maximum stock of a product (2³¹ − 1 units)."""

    code = "stock_limit_exceeded"


PRECEDENCE: tuple[type[UnknownProducts | InsufficientStock], ...] = (
    UnknownProducts,
    InsufficientStock,
    CountBelowCommitted,
    StockLimitExceeded,
)
"""The order of precedence: which code the problem has if lines are faulty in several ways."""


@dataclass
class CountChanged(DomainError):
    """A count is another one than was shown, or products (SKUs) have to be counted again."""

    again: list[str]
    code = "count_changed"
