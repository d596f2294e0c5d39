"""Proves the books: invariants of orders, stock and payments, each a statement in SQL.

Each statement returns the rows that violate its invariant, so in a healthy shop all results are
empty. The statements rely on no constraint, foreign key or trigger, because a restore, a manual
repair or a defect can bypass those.

The plan that they rely on: each reads its tables once and joins by hash; no subquery runs for each
row. 100,000 orders with 300,000 ledger entries take a few seconds in all. Ledger entries are
compared with events and adjustments as text, because the reference of a damaged entry may have any
text.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Invariant:
    """`means` is the invariant in words, `look_at` is where to begin if it is violated;
    `violations` is the statement that finds the rows that violate it."""

    name: str
    means: str
    look_at: str
    violations: str
