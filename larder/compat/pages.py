"""Pages by number and by offset: the framework's envelopes with this shop's queries.

Their cost grows with the offset. v1 uses cursors instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rest_framework.pagination import BasePagination, LimitOffsetPagination, PageNumberPagination
from rest_framework.request import Request

Row = TypeVar("Row")

ROWS = 10
"""Rows of a page by default."""

FEW_ROWS = 5
"""Rows of a page by default in contract 3."""

MAX_ROWS = 1_000
"""Rows of a page, whatever number is asked for: ten times as many as in v1, as clients of these
contracts ask for whole lists."""

MAX_LARGE_ROWS = 100
"""Rows of a page of orders, at most: each may have a thousand lines."""


@dataclass(frozen=True, slots=True)
class Rows(Generic[Row]):
    """A list that is counted and read when a page of it is requested.

    `fetch` takes `offset` and `limit`.
    """

    count: Callable[[], int]
    fetch: Callable[[int, int], list[Row]]

    def __len__(self) -> int:
        return self.count()

    def __getitem__(self, asked: slice) -> list[Row]:
        return self.fetch(asked.start, asked.stop - asked.start)


class Numbered(PageNumberPagination):
    """`?page=N` from 1, ten rows each."""

    page_size = ROWS
    last_page_strings = ()


class ByOffset(LimitOffsetPagination):
    """`?limit=&offset=`, ten rows by default."""

    default_limit = ROWS
    max_limit = MAX_ROWS


class ByOffsetOfFive(ByOffset):
    """`?limit=&offset=`, five rows by default."""

    default_limit = FEW_ROWS


class ByOffsetOfLarge(ByOffset):
    """`?limit=&offset=` for rows that may be large: ten by default, at most 100."""

    max_limit = MAX_LARGE_ROWS


def page(
    request: Request, rows: Rows[Row], paginator: BasePagination, shape: Callable[[list[Row]], Any]
) -> dict[str, Any]:
    """Returns the envelope of the requested page. Raises the framework's NotFound."""
    found: Any = paginator.paginate_queryset(rows, request)  # type: ignore[arg-type]
    envelope: dict[str, Any] = paginator.get_paginated_response(shape(list(found))).data
    return envelope
