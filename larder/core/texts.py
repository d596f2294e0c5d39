"""Texts of services that the admin translates, for modules that know nothing of Django."""

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
