"""Texts of clients: characters that no text may have, and those that show nothing. Knows nothing of
Django."""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple


def gettext_noop(text: str) -> str:
    """Returns the text, which `make messages` puts into the catalogue."""
    return text


class TextFault(NamedTuple):
    """What is wrong with a text: a code, a text of the catalogue, and the values that fill it
    in."""

    code: str
    text: str
    values: tuple[object, ...] = ()

    @property
    def detail(self) -> str:
        """The text in English."""
        return self.text.format(*self.values)


_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Of characters without a glyph; those of Cn have no character yet, those of Co have one in some
fonts only."""
_NAMES = re.compile(
    "JOINER|FILLER|SELECTOR|BLANK|INHERENT|SPACE MARK|NULL NOTEHEAD|REPLACEMENT CHARACTER"
)
"""Words in the names of letters, marks, symbols and spaces that fonts draw as nothing, or in place
of something else. Unicode never changes a name."""
_JOINED = re.compile(
    r"(?<=[\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff])"
    r"(?<![\u0622-\u0625\u0627\u062f-\u0632\u0648\u0671-\u0677\u0688-\u0699\u06c0-\u06cb])"
    r"[\u200c\u200d](?=\w)"
)
"""Joiners between letters of scripts that have them: Arabic, Syriac, Indic, Burmese, Khmer. Some
Arabic letters never join the next one."""


_REFUSED = re.compile("[\0\u202a-\u202e\u2066-\u2069]")
_CHARACTER = gettext_noop("Text must not contain the character U+{}.")


def text_fault(text: str) -> TextFault | None:
    """Returns the fault of the first character that no text may have: U+0000, which
    PostgreSQL cannot store, and those that change the direction of the text around them. Joiners
    and marks of direction are allowed: languages need them.

    >>> text_fault("\u0645\u06cc\u200c\u0631\u0648\u062f\u200f"), text_fault("7\u202e").detail
    (None, 'Text must not contain the character U+202E.')
    """
    refused = _REFUSED.search(text)
    if refused is None:
        return None
    code = "invalid_format" if ord(refused[0]) else "nul"
    return TextFault(code, _CHARACTER, (f"{ord(refused[0]):04X}",))


@lru_cache(4096)
def is_blank(character: str) -> bool:
    """Returns whether fonts draw this character as nothing, by its name.

    >>> [is_blank(each) for each in "\\u2800\\u3164\\u2d7f\\U0001107f\\ufffc\\ufe0f-a\\u094d"]
    [True, True, True, True, True, True, False, False, False]
    """
    return not character.isascii() and bool(_NAMES.search(unicodedata.name(character, "")))


def has_invisible(text: str) -> bool:
    """Returns whether a text has characters that show nothing: with them two names look alike, or
    the text around them changes its direction.

    >>> has_invisible("a\\u200db"), has_invisible("\\u06cc\\u200c\\u0631")
    (True, False)
    """
    visible = _JOINED.sub("", text)
    return any(unicodedata.category(each) in _CATEGORIES or is_blank(each) for each in visible)
