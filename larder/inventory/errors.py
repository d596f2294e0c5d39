"""Errors that inventory raises."""

from dataclasses import dataclass
from typing import Any

from larder.core.errors import Conflict, DomainError, Telling, UnknownProducts


@dataclass
class InsufficientStock(Telling, Conflict):
    """Not enough units are available. `lines` lists every such product."""

    lines: list[dict[str, Any]]
    code = "insufficient_stock"


class CountBelowCommitted(InsufficientStock):
    """The count is below the units committed to orders."""

    code = "count_below_committed"


class StockLimitExceeded(InsufficientStock):
    """The stock of a product would exceed its limit."""

    code = "stock_limit_exceeded"


PRECEDENCE: tuple[type[UnknownProducts | InsufficientStock], ...] = (
    UnknownProducts,
    InsufficientStock,
    CountBelowCommitted,
    StockLimitExceeded,
)
"""The order of precedence: which code the problem has if lines are faulty in several ways."""


@dataclass
class LargeDifference(Telling):
    """Products of a count differ much from the stock, and nobody has confirmed that it is so."""

    lines: list[dict[str, Any]]
    code = "large_difference"


@dataclass
class CountChanged(DomainError):
    """A count is another one than was shown, or products (SKUs) have to be counted again."""

    again: list[str]
    code = "count_changed"
