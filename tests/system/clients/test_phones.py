"""`make phones`: what it finds in the books, and a short one, really carried out."""

import sys
from typing import Any

import pytest

from tests.database import ROOT
from tests.programs import printed
from tests.system.clients.npm import node
from tools.phones.__main__ import order_faults

ID = "0199c3a0-c2b6-7c60-89f2-c6d16cbbc99b"
BOOK = (ID, 7, "5.00", "draft-1")


def phone(state: str, **others: Any) -> dict[str, Any]:
    order = {"id": ID, "state": state, "total": "5.00"}
    history = [{"id": ID, "total": "5.00"}] if state == "placed" else []
    return {"account": 7, "contradictions": [], "orders": [order], "history": history} | others


def names(shown: dict[str, Any], *books: tuple[Any, ...]) -> set[str]:
    return {name for name, _ in order_faults([shown], list(books))}


def test_what_is_shown_and_in_the_books_is_right() -> None:
    assert names(phone("placed"), BOOK) == set()
    assert names(phone("refused")) == names(phone("abandoned")) == set()


def test_an_order_that_the_app_does_not_show_as_placed_is_a_phantom() -> None:
    for state in ("refused", "abandoned", "waiting"):
        assert "phantom order" in names(phone(state), BOOK)
    assert "phantom order" in names(phone("placed", orders=[]), BOOK)


def test_an_order_that_is_only_shown_or_shown_otherwise_is_found() -> None:
    assert "order not in the books" in names(phone("placed"))
    assert "order not in the books" in names(phone("placed"), (ID, 7, "6.00", "draft-1"))
    assert "order not in the books" in names(phone("placed"), (ID, 8, "5.00", "draft-1"))


def test_a_doubled_order_a_contradiction_and_a_wrong_history_are_found() -> None:
    other = ("0199c3a0-895d-70ca-8086-69983fafc568", 7, "5.00", "draft-1")
    assert "doubled order" in names(phone("placed"), BOOK, other)
    assert names(phone("placed", contradictions=["x"]), BOOK) == {"contradiction"}
    assert names(phone("placed", history=[]), BOOK) == {"history"}


@pytest.mark.timeout(400)
def test_a_short_run_is_right_and_ends_with_a_summary() -> None:
    node("node", "--version", folder=ROOT)
    command = [sys.executable, "-m", "tools.phones", "--sessions", "12", "--phones", "6"]
    last = printed(command).splitlines()[-1]
    assert last.startswith("12 sessions of 6 phones in ")
    assert last.endswith(
        "phantom cart 0, phantom order 0, doubled order 0, order not in the books 0"
    )
