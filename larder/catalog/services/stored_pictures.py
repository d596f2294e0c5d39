"""Stores pictures of products, under names that are made from their content.

A name is never used for another content, so clients and caches may keep what they got for ever. A
product has the address of its picture in `image_url`, as if staff had typed it in.
"""

import json
import logging
import re
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.utils.translation import gettext, gettext_noop

from larder.core import limited_child, waits
from larder.core.errors import Fault, InvalidInput
from larder.core.limits import MAX_PICTURE_BYTES, THUMBNAIL_SIDE

logger = logging.getLogger(__name__)

UNAVAILABLE = gettext_noop(
    "The picture could not be stored. Try again; if this repeats, tell your operator."
)
_THUMBNAIL = f"-{THUMBNAIL_SIDE}"
NAME = re.compile(rf"([0-9a-f]{{64}})({_THUMBNAIL})?\.webp")
"""The name of a picture or, with the suffix, of its thumbnail."""


class Picture(NamedTuple):
    """A picture and its thumbnail, both WebP."""

    full: bytes
    thumbnail: bytes


def prepare(content: bytes) -> Picture:
    """Returns the picture of a JPEG, PNG or WebP file, upright, in the colours of browsers, and at
    most PICTURE_SIDE wide and high. Raises InvalidInput (`/picture`) and Overloaded."""
    if len(content) > MAX_PICTURE_BYTES:
        text = gettext("Expected at most {} MB.")
        raise _refused("too_long", text.format(MAX_PICTURE_BYTES >> 20))
    try:
        answer = limited_child.run(
            "larder.catalog.picture_decoder", content, most=2 * MAX_PICTURE_BYTES
        )
    except limited_child.LimitExceeded:
        # The decoder fails in many ways for a faulty file, and then ends its process.
        text = gettext(
            "This is not a complete JPEG, PNG or WebP picture. Save it as one of these formats."
        )
        raise _refused("invalid_format", text) from None
    line, _, pictures = answer.partition(b"\n")
    size, *too_large = json.loads(line)
    if too_large:
        text = gettext("The picture has {} × {} pixels. Expected at most {} pixels.")
        raise _refused("out_of_range", text.format(*too_large))
    return Picture(pictures[:size], pictures[size:])


def _refused(code: str, detail: str) -> InvalidInput:
    return InvalidInput([Fault("/picture", code, detail)])


def storage() -> Storage:
    return storages["pictures"]


def store(content: bytes) -> str:
    """Stores the picture of an uploaded file and its thumbnail. Returns the address, which is a
    path if the shop serves its pictures itself. Raises what `prepare` raises."""
    return save(prepare(content))


def save(picture: Picture) -> str:
    """Stores a picture and its thumbnail. Returns the address. Raises InvalidInput (`/picture`)."""
    key = sha256(picture.full).hexdigest()
    waits.release()
    full, thumbnail = _names(key)
    try:
        storage().save(thumbnail, ContentFile(picture.thumbnail))
        storage().save(full, ContentFile(picture.full))
    # A full disk, or an error of S3's client.
    except Exception as error:
        logger.exception("A picture could not be stored: check PICTURES_DIR or PICTURES_BUCKET.")
        raise _refused("unavailable", gettext(UNAVAILABLE)) from error
    return storage().url(full)


def thumbnail_of(address: str) -> str | None:
    """Returns the address of the thumbnail of a picture that was stored here, or else None."""
    match = NAME.fullmatch(address.rpartition("/")[2])
    return storage().url(_names(match[1])[1]) if match else None


def _names(key: str) -> tuple[str, str]:
    return f"{key}.webp", f"{key}{_THUMBNAIL}.webp"


class PictureFolder(FileSystemStorage):
    """A folder of pictures. A file appears complete or not at all, so that no reader caches a part
    of it; one that is there already is replaced by the same content."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _save(self, name: str, content: Any) -> str:
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{uuid4().hex}")
        try:
            unfinished.write_bytes(content.read())
            unfinished.chmod(0o644)
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
        return name
