"""Tags: short labels that staff put on products and orders."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from larder.core.errors import Fault, InvalidInput
from larder.core.invisible import has_invisible
from larder.core.limits import MAX_TAG_LENGTH, MAX_TAGS
from larder.core.texts import TextFault, gettext_noop

SEPARATOR = ","
"""Between tags in a file or in a field of a form. No tag contains it."""


def normalized(tags: Iterable[str]) -> list[str]:
    """Returns tags in small letters, without spaces at their ends and double spaces, each once and
    sorted; so two lists of the same tags are equal.

    >>> normalized([" Sale", "new  in", "SALE", ""])
    ['new in', 'sale']
    """
    return sorted({" ".join(one.split()).lower() for one in tags} - {""})


def split(text: str) -> list[str]:
    """Returns the normalized tags of a text.

    >>> split("Sale, new,sale")
    ['new', 'sale']
    """
    return normalized(text.split(SEPARATOR))


def joined(tags: Iterable[str]) -> str:
    """Returns tags as a text that `split` reads."""
    return f"{SEPARATOR} ".join(tags)


def refuse_faulty(tags: list[str], where: str = "/tags") -> list[str]:
    """Returns normalized tags. Raises InvalidInput if they are too many, or one cannot be a tag."""
    faults = [Fault(where, one.code, one.detail) for one in faults_of(tags)]
    if faults:
        raise InvalidInput(faults)
    return tags


def faults_of(tags: list[str]) -> list[TextFault]:
    """Returns each reason why normalized tags cannot be stored."""
    found = []
    if len(tags) > MAX_TAGS:
        found.append(TextFault("too_many", _TOO_MANY, (MAX_TAGS, len(tags))))
    if any(len(one) > MAX_TAG_LENGTH for one in tags):
        found.append(TextFault("too_long", _TOO_LONG, (MAX_TAG_LENGTH,)))
    if any(SEPARATOR in one or has_invisible(one) for one in tags):
        found.append(TextFault("invalid_format", _INVISIBLE))
    return found


_TOO_MANY = gettext_noop("Expected at most {} tags, found {}.")
_TOO_LONG = gettext_noop("Expected at most {} characters of a tag.")
_INVISIBLE = gettext_noop("Expected tags without commas, control and invisible characters.")


class TagChange(NamedTuple):
    """Normalized tags to add and to remove."""

    add: Sequence[str] = ()
    remove: Sequence[str] = ()

    def applied(self, tags: Iterable[str]) -> list[str]:
        """Returns the tags after the change. Raises InvalidInput if they would be too many, or one
        cannot be a tag."""
        return refuse_faulty(sorted({*tags, *self.add} - {*self.remove}))
