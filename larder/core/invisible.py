"""Characters that show nothing."""

import unicodedata

BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0") | {
    chr(selector) for selector in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
}
"""Characters that Unicode counts as letters, marks or symbols, and fonts draw as nothing."""

_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"
_JOINED = frozenset({"Lo", "Mn", "Mc"})
"""The categories of Arabic and Indic letters and of their marks. Latin letters have others."""


def has_invisible(text: str) -> bool:
    """Returns whether a text has characters that show nothing: with them two names look alike, or
    the text around them changes its direction.

    A joiner behind an Arabic or Indic letter changes the letter's form, so it is visible.

    >>> has_invisible("a\\u200db"), has_invisible("\\u06cc\\u200c\\u0631")
    (True, False)
    """
    pairs = zip(f"a{text}", text, strict=False)
    return any(_is_invisible(one, behind=before) for before, one in pairs)


def _is_invisible(one: str, *, behind: str) -> bool:
    if one in _JOINERS:
        return unicodedata.category(behind) not in _JOINED
    return one in BLANK or unicodedata.category(one) in _CATEGORIES
