"""The pages of decisions (docs/adr) say what was decided, why, and what it costs."""

import re
from pathlib import Path

import pytest

from tools.docs.pages import DOCS

REPLACED = re.compile(r"^Status: replaced by ", re.MULTILINE)
"""The status of a decision that another page took over."""

DECISIONS = [
    one for one in sorted((DOCS / "adr").glob("0*.md")) if not REPLACED.search(one.read_text())
]


STATUS = re.compile(r"^Status: (accepted|replaced by )", re.MULTILINE)


def test_each_decision_has_a_status() -> None:
    pages = sorted((DOCS / "adr").glob("0*.md"))
    assert [one.name for one in pages if not STATUS.search(one.read_text())] == []


def headings(text: str) -> list[str]:
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_its_context_and_consequences(page: Path) -> None:
    found = [one for one in headings(page.read_text()) if one in WANTED]
    assert found == WANTED


WANTED = ["Context", "Decision", "Consequences"]


def test_most_decisions_were_not_replaced() -> None:
    assert len(DECISIONS) > 40
