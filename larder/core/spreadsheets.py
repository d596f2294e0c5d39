"""Text of files that spreadsheets open and save: formulas are escaped, encodings recognised.

Source of the escape: OWASP, "CSV Injection". `unescape_formula` is its exact inverse, so that an
exported file can be imported again.
"""

import codecs
import re

from larder.core.texts import is_blank

_SIGN = re.compile("'*[=+\\-@＝＋－＠﹢﹣﹦﹫−]")
"""What a formula begins with, with the apostrophes before it: an escape adds one to them."""

_BLANK_START = re.compile("'*[\t\r\n]")
"""What some spreadsheets skip at the beginning of a text, which is escaped like a formula."""

_CELL_END = re.compile("([;\t\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029])")
"""Where a cell may end inside of a text. A spreadsheet whose separator is a semicolon or a tab does
not see that the text is quoted, because the quote is not at the beginning of its cell."""

_UNSEEN = frozenset('",')
"""What a spreadsheet may skip before a sign, beside space, blanks and what is not printable."""


def escape_formula(text: str) -> str:
    """Returns the text so that no spreadsheet evaluates any part of it as a formula: with an
    apostrophe before each sign that could begin a cell.

    >>> escape_formula("=1+1"), escape_formula("Jam"), escape_formula("")
    ("'=1+1", 'Jam', '')
    >>> escape_formula("Jam; =1+1"), escape_formula("well-known; 5 - 3")
    ("Jam; '=1+1", 'well-known; 5 - 3')
    """
    start = "'" if _BLANK_START.match(text) else ""
    return start + "".join(map(_escaped, _CELL_END.split(text)))


def unescape_formula(text: str) -> str:
    """Returns the text that `escape_formula` turns into `text`. Other texts stay as they
    are.

    >>> unescape_formula("'=1+1"), unescape_formula("'tis"), unescape_formula("-5")
    ('=1+1', "'tis", '-5')
    """
    start = "'" if _BLANK_START.match(text) else ""
    plain = "".join(map(_unescaped, _CELL_END.split(text.removeprefix(start))))
    return plain if escape_formula(plain) == text else text


def _escaped(cell: str) -> str:
    start = _first_seen(cell)
    return f"{cell[:start]}'{cell[start:]}" if _SIGN.match(cell, start) else cell


def _unescaped(cell: str) -> str:
    start = _first_seen(cell)
    return cell[:start] + cell[start:].removeprefix("'") if _SIGN.match(cell, start) else cell


def _first_seen(cell: str) -> int:
    for place, character in enumerate(cell):
        is_drawn = character.isprintable() and not (character.isspace() or is_blank(character))
        if is_drawn and character not in _UNSEEN:
            return place
    return len(cell)


UNREADABLE = "larder.unreadable"
"""The error handler of files: bytes that the encoding does not have become a lone surrogate, which
no encoding accepts, so that the reader of the cells can report its place."""

_MARK = "\udcff"
codecs.register_error(UNREADABLE, lambda error: (_MARK, getattr(error, "end", 0)))

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decoded(raw: bytes) -> str:
    """Returns the text of a file that a spreadsheet has saved: in the encoding of its byte order
    mark, or in UTF-8, or in Windows-1252 if it has other bytes and no character of UTF-8 beyond
    ASCII. What cannot be decoded becomes a lone surrogate.

    Nothing is guessed: what a file has beside UTF-8 is not decoded, nor a file that looks like Mac
    Roman, which cannot be told from Windows-1252 for certain.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if raw.startswith(mark):
            return raw.decode(encoding, UNREADABLE)
    text = raw.decode("utf-8", UNREADABLE)
    if _MARK not in text or not text.replace(_MARK, "").isascii():
        return text
    return raw.decode("ascii" if _MAC_LETTER.search(raw) else "cp1252", UNREADABLE)


_MAC_LETTER = re.compile(
    rb"[a-z][\x83\x86-\x8c\x8e\x98\x9a\x9b\x9e\x9f\xa7]|[a-z]\x9c(?![ui])"
    rb"|(?<![A-Za-z.])[\x80\x85\x86][a-z]"
)
"""A letter of Mac Roman where Windows-1252 has a sign or another letter that words do not have
there: an umlaut would become the capital S with a caron, for example."""
