"""Records which locks a transaction takes, and in which order, by its statements on PostgreSQL."""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any

from django.db import connection

ANY_LOCK = re.compile(r"\bFOR (NO KEY )?UPDATE|\bFOR (KEY )?SHARE|pg_(try_)?advisory_xact_lock")

Locks = Mapping[str, str]
"""Kinds of locks in their order, each with a pattern of the statements that take it."""


@dataclass
class Recorded:
    """The kinds of locks of each transaction, and the functions that have opened one."""

    locks: Locks
    transactions: list[tuple[object, list[str]]] = field(default_factory=list)
    openers: set[str] = field(default_factory=set)

    def note(self, block: object, statement: str) -> None:
        """Notes a statement of the transaction that `block` has opened."""
        if not self.transactions or self.transactions[-1][0] is not block:
            self.transactions.append((block, []))
        kinds = [kind for kind, text in self.locks.items() if re.search(text, statement, re.DOTALL)]
        assert len(kinds) < 2, statement
        # A statement that skips locked rows waits for none.
        waits = ANY_LOCK.search(statement) and "SKIP LOCKED" not in statement
        assert kinds or not waits, f"unknown lock: {statement}"
        self.transactions[-1][1].extend(kinds)

    @property
    def orders(self) -> list[list[str]]:
        """The kinds of each transaction in the order in which they were taken."""
        return [[kind for kind, _ in groupby(taken)] for _, taken in self.transactions if taken]

    def is_in_order(self, taken: list[str]) -> bool:
        """Returns whether no lock is taken after one that comes later in the order."""
        ranks = [list(self.locks).index(kind) for kind in taken]
        return ranks == sorted(ranks)


def opened_by(frame: FrameType | None, services: Path) -> Iterator[str]:
    """Yields the functions below the folder that are running."""
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(services):
            yield f"{path.relative_to(services)}: {frame.f_code.co_name}"
        frame = frame.f_back


@contextmanager
def recorded(locks: Locks, services: Path) -> Iterator[Recorded]:
    """Records the transactions of this thread."""
    record = Recorded(locks)

    def watch(execute: Any, sql: str, *rest: Any) -> Any:
        blocks = connection.atomic_blocks
        if blocks:
            record.note(blocks[0], sql)
            record.openers.update(opened_by(sys._getframe(), services))
        return execute(sql, *rest)

    with connection.execute_wrapper(watch):
        yield record
