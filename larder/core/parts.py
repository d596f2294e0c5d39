"""Parts of long lists: read one after the other, so that rows in memory are few."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")

LENGTH = 1_000
"""Rows of a part."""


@dataclass(frozen=True, slots=True)
class Part(Generic[Row]):
    """Rows of a list; `more` says whether others follow them."""

    rows: list[Row]
    more: bool = False


def in_parts(fetch: Callable[[Row | None, int], list[Row]]) -> Iterator[Part[Row]]:
    """Returns the parts of a list. `fetch` takes the row after which it reads, None at the
    beginning, and how many rows it returns at most."""
    after: Row | None = None
    while True:
        found = fetch(after, LENGTH + 1)
        part = Part(found[:LENGTH], more=len(found) > LENGTH)
        yield part
        if not part.more:
            return
        after = part.rows[-1]
