"""Reads a long list in parts, so that few rows are in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")

LENGTH = 1_000
"""Rows of a part."""


@dataclass(frozen=True, slots=True)
class Part(Generic[Row]):
    """Rows of a list. `more` says whether further rows follow."""

    rows: list[Row]
    more: bool = False


def first(rows: list[Row], limit: int) -> Part[Row]:
    """Returns the first `limit` rows of a list of which up to `limit + 1` were found."""
    return Part(rows[:limit], more=len(rows) > limit)


def in_parts(fetch: Callable[[Row | None, int], list[Row]]) -> Iterator[Part[Row]]:
    """Yields the parts of a list. `fetch` takes the last row read (None at the beginning) and the
    maximum number of rows to return."""
    after: Row | None = None
    while True:
        part = first(fetch(after, LENGTH + 1), LENGTH)
        yield part
        if not part.more:
            return
        after = part.rows[-1]
