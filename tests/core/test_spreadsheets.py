"""Text in exported files never becomes a formula, whatever separator a spreadsheet uses."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from larder.core.spreadsheets import escape_formula, unescape_formula

SIGNS = "=+-@＝＋－＠"
UNSEEN = ' \t\r\n\v\f\xa0\xad\u2003\u200b\u200d\u2060\u3164\ufe0f\ufeff\x00\x1f,;"'
TEXTS = st.text(st.sampled_from(f"{SIGNS}{UNSEEN}'a1é"), max_size=12)


def cells(text: str) -> list[str]:
    """Returns the cells that a spreadsheet may read from a row that contains the text: split at the
    commas of the file, or at semicolons, tabs and line breaks without regard for quotes.
    """
    file = io.StringIO()
    csv.writer(file).writerow(["1", text, "2"])
    (read,) = csv.reader(io.StringIO(file.getvalue(), newline=""))
    split = re.split(r"[;\t\r\n]", file.getvalue())
    return [*read, *(part for part in split[1:] if part)]


def is_formula(cell: str) -> bool:
    return cell.lstrip(UNSEEN)[:1] in tuple(SIGNS)


@given(TEXTS)
def test_no_cell_is_a_formula(text: str) -> None:
    assert [cell for cell in cells(escape_formula(text)) if is_formula(cell)] == []


@given(TEXTS)
def test_an_escape_is_undone_exactly(text: str) -> None:
    assert unescape_formula(escape_formula(text)) == text


@given(TEXTS)
def test_only_what_an_escape_has_added_is_removed(text: str) -> None:
    assert unescape_formula(text) == text or escape_formula(unescape_formula(text)) == text


@given(st.text(max_size=30), st.sampled_from(SIGNS))
def test_escaping_adds_only_apostrophes(text: str, sign: str) -> None:
    for cell in (text, f"{text}{sign}1", f"{text};{sign}1"):
        assert escape_formula(cell).replace("'", "") == cell.replace("'", "")


@pytest.mark.parametrize(
    "text", ["", "Jam", "well-known", "a = b", "1; 2", "Tea, -5 °C", "a@b.example; c@d.example"]
)
def test_text_without_a_formula_is_not_changed(text: str) -> None:
    assert escape_formula(text) == text


@pytest.mark.parametrize("blank", sorted(UNSEEN))
def test_an_invisible_character_does_not_hide_a_formula(blank: str) -> None:
    for sign in SIGNS:
        assert f"'{sign}" in escape_formula(f"a;{blank}{sign}1")
        assert escape_formula(f"{blank}{sign}1") != f"{blank}{sign}1"


def test_a_long_text_is_read_once() -> None:
    """Quadratic time would take minutes for a text of this length."""
    for text in (";" * 1_000_000, " " * 1_000_000, "- " * 500_000):
        assert escape_formula(text).lstrip("'") == text
    for text in ("'" * 1_000_000, ";'=" * 100_000):
        assert unescape_formula(escape_formula(text)) == text
