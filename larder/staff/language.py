"""The language of the request, for texts; formatting.py has that of numbers, days and amounts.

`gettext_lazy` is for texts of modules and classes, which are translated when they are shown. The
catalogue is `locale/de`; `make messages` adds new texts to it.
"""

from collections.abc import Callable
from typing import cast

from django.conf import settings
from django.utils import translation

gettext_lazy = cast(Callable[[str], str], translation.gettext_lazy)


def in_english() -> translation.override:
    """Returns a context for what is the same in each language, such as a file to import again."""
    return translation.override(settings.LANGUAGE_CODE)
