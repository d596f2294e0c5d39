"""Text of files that spreadsheets open and save: formulas are escaped, encodings recognised.

Source of the escape: OWASP, "CSV Injection". `unescape_formula` is its exact inverse, so that an
exported file can be imported again.
"""

import codecs
import re
from collections.abc import Iterable

from larder.core.invisible import is_blank

_SIGN = re.compile("(?<!')'*+[=+\\-@＝＋－＠﹢﹣﹦﹫−]")
"""What a formula begins with, with the apostrophes before it: an escape adds one to them."""

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
    places, leading = _places(text)
    return ("'" if leading else "") + "'".join(_cut(text, places))


def unescape_formula(text: str) -> str:
    """Returns the text that `escape_formula` turns into `text`. Other texts stay as they
    are.

    >>> unescape_formula("'=1+1"), unescape_formula("'tis"), unescape_formula("-5")
    ('=1+1', "'tis", '-5')
    """
    first, *parts = _cut(text, _places(text)[0])
    plain = first + "".join(part.removeprefix("'") for part in parts)
    plain = plain[1:] if plain[:1] == "'" and _places(plain)[1] else plain
    return plain if escape_formula(plain) == text else text


def _places(text: str) -> tuple[list[int], bool]:
    """Returns where apostrophes are added inside of a text, and whether one is added before it.
    Apostrophes at its beginning count for neither."""
    begin = len(text) - len(text.lstrip("'"))
    places, done, leading = list[int](), 0, text[begin : begin + 1] in _LINE_STARTS
    for sign in _SIGN.finditer(text):
        before = _before(text, max(sign.start(), begin), done or begin)
        leading = leading or before == ""
        if before in _ENDS_CELL:
            done = sign.start()
            places.append(done)
    return places, leading


_LINE_STARTS = ("\t", "\r", "\n")


def _cut(text: str, places: list[int]) -> list[str]:
    return [text[start:end] for start, end in zip([0, *places], [*places, None], strict=True)]


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


def encoding_of(parts: Iterable[bytes]) -> str:
    """Returns the encoding of a file that a spreadsheet has saved, given in parts: that of its byte
    order mark, or UTF-8, or Windows-1252 if it has other bytes, and no character of UTF-8 beyond
    ASCII that cannot be a letter with typographic marks.

    A file of other bytes without a line feed is Mac Roman, as Excel saves "CSV (Macintosh)". With
    line feeds it cannot be told from Windows-1252 for certain: a file that looks like it counts as
    ASCII, so its cells are refused.

    Another file that mixes UTF-8 with other bytes counts as UTF-8: its cells are refused, not
    guessed.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(UNREADABLE)
    has_utf8 = has_others = has_line_feeds = has_mac_letters = False
    for number, part in enumerate(parts):
        if number == 0:
            for mark, encoding in _BYTE_ORDER_MARKS:
                if part.startswith(mark):
                    return encoding
        has_line_feeds = has_line_feeds or b"\n" in part
        has_mac_letters = has_mac_letters or _MAC_LETTER.search(part) is not None
        text = decoder.decode(part)
        has_others = has_others or _MARK in text
        has_utf8 = has_utf8 or not all(map(_may_be_latin, {*text} - {_MARK}))
    has_others = has_others or bool(decoder.decode(b"", final=True))
    if not has_others or has_utf8:
        return "utf-8"
    if not has_line_feeds:
        return "mac_roman"
    return "ascii" if has_mac_letters else "cp1252"


_MAC_LETTER = re.compile(
    rb"[a-z][\x83\x86-\x8c\x8e\x98\x9a\x9b\x9e\x9f\xa7]|[a-z]\x9c(?![ui])"
    rb"|(?<![A-Za-z.])[\x80\x85\x86][a-z]"
)
"""A letter of Mac Roman where Windows-1252 has a sign or another letter that words do not have
there: an umlaut would become the capital S with a caron, for example."""


_TYPOGRAPHIC = frozenset("‚„…‹‘’“”•–—™›\xa0«®»".encode("cp1252"))


def _may_be_latin(one: str) -> bool:
    """Returns whether the bytes of a character are ASCII, or in Windows-1252 a letter and marks
    that follow words, such as `ß“`."""
    letter, *marks = one.encode()
    return not marks or (letter > 0xC5 and _TYPOGRAPHIC.issuperset(marks))


def decoded(raw: bytes) -> str:
    """Returns the text of a file that a spreadsheet has saved. What cannot be decoded becomes a
    lone surrogate."""
    return raw.decode(encoding_of([raw]), UNREADABLE)
