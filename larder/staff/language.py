"""Texts, numbers and days of the admin in the language of the request.

`gettext_lazy` is for texts of modules and classes, which are translated when they are shown. The
catalogue is `locale/de`; `make messages` adds new texts to it.
"""

from collections.abc import Callable
from datetime import date
from typing import cast

from django.conf import settings
from django.utils import translation
from django.utils.formats import get_format
from django.utils.translation import gettext

gettext_lazy = cast(Callable[[str], str], translation.gettext_lazy)


def in_english() -> translation.override:
    """Returns a context for what is the same in each language, such as a file to import again."""
    return translation.override(settings.LANGUAGE_CODE)


_MARKS = str.maketrans(",.", ".,")


def localized(text: str) -> str:
    """Returns a number such as 1,234.50 with the marks of the language."""
    return text.translate(_MARKS) if get_format("DECIMAL_SEPARATOR") == "," else text


def grouped(number: int) -> str:
    """Returns a whole number with marks of thousands.

    >>> grouped(2_000)
    '2,000'
    """
    return localized(f"{number:,}")


def day_of(at: date) -> str:
    """Returns a day in the format of the language.

    >>> day_of(date(2026, 7, 1))
    '01 Jul 2026'
    """
    return at.strftime(gettext("%d %b %Y"))


def short_day(at: date) -> str:
    """Returns a day without its year."""
    return at.strftime(gettext("%d %b"))
