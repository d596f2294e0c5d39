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
class CountUnclear(Telling):
    """Products of a count have to be counted again, or differ much and nobody has confirmed it.
    `lines` has each with its code: count_again or large_difference."""

    lines: list[dict[str, Any]]
    code = "count_unclear"


class CountChanged(DomainError):
    """A count is another one than was shown."""

    code = "count_changed"
