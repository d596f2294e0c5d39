"""Makes the pictures that are stored from a file that was uploaded.

A file is never stored as it came (larder/catalog/picture_decoder.py). Names and content types that
the client sent are ignored.
"""

import json
from dataclasses import dataclass

from django.utils.translation import gettext, gettext_noop

from larder.core import limited_child
from larder.core.errors import Fault, InvalidInput
from larder.core.limits import MAX_PICTURE_BYTES

UNREADABLE = gettext_noop(
    "This is not a complete JPEG, PNG or WebP picture. Save it as one of these formats."
)
TOO_LARGE = gettext_noop("The picture has {} × {} pixels. Expected at most {} pixels.")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and its thumbnail, both WebP."""

    full: bytes
    thumbnail: bytes


def prepare(content: bytes) -> Picture:
    """Returns the picture of a JPEG, PNG or WebP file, upright, in the colours of browsers, and at
    most PICTURE_SIDE wide and high. Of an animated picture it is the first frame.

    Raises InvalidInput (`/picture`) and Overloaded.
    """
    if len(content) > MAX_PICTURE_BYTES:
        raise _refused(
            "too_long", gettext("Expected at most {} MB.").format(MAX_PICTURE_BYTES >> 20)
        )
    try:
        answer = limited_child.run(
            "larder.catalog.picture_decoder", content, most=2 * MAX_PICTURE_BYTES
        )
    except limited_child.LimitExceeded:
        # The decoder fails in many ways for a faulty file, and then ends its process.
        raise _refused("invalid_format", gettext(UNREADABLE)) from None
    line, _, pictures = answer.partition(b"\n")
    size, *too_large = json.loads(line)
    if too_large:
        raise _refused("out_of_range", gettext(TOO_LARGE).format(*too_large))
    return Picture(pictures[:size], pictures[size:])


def _refused(code: str, detail: str) -> InvalidInput:
    return InvalidInput([Fault("/picture", code, detail)])
