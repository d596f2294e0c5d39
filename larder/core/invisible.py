"""Characters that show nothing."""

import re
import unicodedata

BLANK = frozenset(
    "\u034f\u115f\u1160\u1680\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\U00016fe4\U0001d159"
) | {chr(selector) for selector in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))}
"""Letters, marks, symbols and spaces of Unicode that fonts draw as nothing."""

_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Zl", "Zp"})
"""Of characters without a glyph; those of Cn have no character yet."""
_JOINED = re.compile(
    r"(?<=[\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff])"
    r"(?<![\u0622-\u0625\u0627\u062f-\u0632\u0648\u0671-\u0677\u0688-\u0699\u06c0-\u06cb])"
    r"[\u200c\u200d](?=\w)"
)
"""Joiners between letters of scripts that have them: Arabic, Syriac, Indic, Burmese, Khmer. Some
Arabic letters never join the next one."""


def has_invisible(text: str) -> bool:
    """Returns whether a text has characters that show nothing: with them two names look alike, or
    the text around them changes its direction.

    >>> has_invisible("a\\u200db"), has_invisible("\\u06cc\\u200c\\u0631")
    (True, False)
    """
    visible = _JOINED.sub("", text)
    return any(one in BLANK or unicodedata.category(one) in _CATEGORIES for one in visible)
