"""Pages by number and by offset: the framework's envelopes with this shop's queries.

Their cost grows with the offset. v1 uses cursors instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from rest_framework.pagination import LimitOffsetPagination, PageNumberPagination

Row = TypeVar("Row")

MAX_ROWS = 1_000
"""The maximum rows of a page, ten times as many as in v1, because clients of these contracts read
whole lists."""


@dataclass(frozen=True, slots=True)
class Rows(Generic[Row]):
    """A list that is counted and read when a page of it is requested.

    `fetch` takes `offset` and `limit`.
    """

    count: Callable[[], int]
    fetch: Callable[[int, int], list[Row]]

    def __len__(self) -> int:
        return self.count()

    def __getitem__(self, part: slice) -> list[Row]:
        return self.fetch(part.start, part.stop - part.start)


class Numbered(PageNumberPagination):
    """`?page=N` from 1, ten rows each."""

    page_size = 10
    last_page_strings = ()


class ByOffset(LimitOffsetPagination):
    """`?limit=&offset=`, ten rows by default."""

    default_limit = 10
    max_limit = MAX_ROWS


class ByOffsetOfFive(ByOffset):
    """`?limit=&offset=`, five rows by default."""

    default_limit = 5


class ByOffsetOfLarge(ByOffset):
    """`?limit=&offset=` for orders, each of which may have a thousand lines: at most 100."""

    max_limit = 100
