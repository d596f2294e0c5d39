"""The ways inventory refuses."""

from dataclasses import dataclass
from typing import Any

from larder.core.errors import DomainError, UnknownProducts


@dataclass
class InsufficientStock(DomainError):
    """Less is available than would be taken; every short line is named."""

    lines: list[dict[str, Any]]
    code = "insufficient_stock"

    @property
    def extensions(self) -> dict[str, Any]:
        return {"lines": self.lines}


class CountBelowCommitted(InsufficientStock):
    """A count gives fewer units than customers were already promised."""

    code = "count_below_committed"


class StockLimitExceeded(InsufficientStock):
    """More units than a product can have (2³¹ − 1)."""

    code = "stock_limit_exceeded"


PRECEDENCE: tuple[type[UnknownProducts | InsufficientStock], ...] = (
    UnknownProducts,
    InsufficientStock,
    CountBelowCommitted,
    StockLimitExceeded,
)
"""Which code stands on top when the lines of an adjustment are faulty in several ways."""
