"""Escapes text in files that spreadsheets open.

Source: OWASP, "CSV Injection".
"""

import re

from larder.core.invisible import is_blank

_SIGN = re.compile("[=+\\-@＝＋－＠﹢﹣﹦﹫−]")
"""What a formula begins with."""

_ENDS_CELL = frozenset(";\t\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029")
"""Where a cell may end inside of a text. A spreadsheet whose separator is a semicolon or a tab does
not see that the text is quoted, because the quote is not at the beginning of its cell."""

_UNSEEN = frozenset('",')
"""What a spreadsheet may skip before a sign, beside space, blanks and what is not printable."""


def escape_formula(text: str) -> str:
    """Returns the text so that no spreadsheet evaluates any part of it as a formula: with an
    apostrophe before it, and before each sign that could begin a cell inside of it.

    >>> escape_formula("=1+1"), escape_formula("Jam"), escape_formula("")
    ("'=1+1", 'Jam', '')
    >>> escape_formula("Jam; =1+1"), escape_formula("well-known; 5 - 3")
    ("Jam; '=1+1", 'well-known; 5 - 3')
    """
    parts, done, leading = [], 0, text[:1] in {"\t", "\r", "\n"}
    for sign in _SIGN.finditer(text):
        before = _before(text, sign.start(), done)
        leading = leading or before == ""
        if before in _ENDS_CELL:
            parts.append(text[done : sign.start()])
            done = sign.start()
    return ("'" if leading else "") + "'".join([*parts, text[done:]])


def _before(text: str, place: int, done: int) -> str:
    """Returns the last character before a place that ends a cell or can be seen; empty if there is
    none. Assumes a sign at `done` if that is not 0: nothing is looked at twice."""
    while place > done:
        place -= 1
        one = text[place]
        if one in _ENDS_CELL or not _is_unseen(one):
            return one
    return ""


def _is_unseen(one: str) -> bool:
    return one in _UNSEEN or one.isspace() or not one.isprintable() or is_blank(one)
