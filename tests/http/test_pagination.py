"""The end of a page and the link to the next one."""

from larder.core.parts import first
from larder.http import pagination


class Cursor(pagination.Cursor, array_like=True, tag="numbers"):
    """Where a page of numbers ended."""

    number: int


def page(*ids: int, limit: int) -> tuple[list[int], str | None]:
    """The rows of a page, and the place to which its link leads."""
    rows, link = pagination.part(repr, first(list(ids), limit), Cursor)
    return list(rows), link


def test_a_page_has_a_next_link_from_its_last_row_if_there_are_more() -> None:
    assert page(1, 2, 3, limit=2) == ([1, 2], "Cursor(number=2)")


def test_a_page_that_is_exactly_full_has_no_next_link() -> None:
    assert page(1, 2, limit=2) == ([1, 2], None)
    assert page(1, limit=2) == ([1], None)
    assert page(limit=2) == ([], None)
