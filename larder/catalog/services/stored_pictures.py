"""Stores pictures of products, under names that are made from their content.

A name is never used for another content, so clients and caches may keep what they got for ever. A
product has the address of its picture in `image_url`, as if staff had typed it in.
"""

import logging
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.db.models import QuerySet
from django.utils.translation import gettext, gettext_noop

from larder.catalog import sql
from larder.catalog.models import Picture
from larder.catalog.pictures import prepare
from larder.core import waits
from larder.core.errors import Fault, InvalidInput, Overloaded
from larder.core.limits import THUMBNAIL_SIDE, UNUSED_PICTURE_DAYS
from larder.db import database

logger = logging.getLogger(__name__)

UNAVAILABLE = gettext_noop(
    "The picture could not be stored. Try again; if this repeats, tell your operator."
)
_THUMBNAIL = f"-{THUMBNAIL_SIDE}"
NAME = re.compile(rf"([0-9a-f]{{64}})({_THUMBNAIL})?\.webp")
"""The name of a picture or, with the suffix, of its thumbnail."""
UNFINISHED = re.compile(r"\.[0-9a-f]{32}")
"""The name of a file that is being written to a folder."""


def storage() -> Storage:
    """Returns where pictures are stored: the alias `pictures` of STORAGES."""
    return storages["pictures"]


def store(content: bytes, *, now: datetime) -> str:
    """Stores the picture of an uploaded file and its thumbnail. Returns the address, which is a
    path if the shop serves its pictures itself. Until a product has the address the picture counts
    as unused.

    Raises InvalidInput (`/picture`) and Overloaded.
    """
    picture = prepare(content)
    key = sha256(picture.full).hexdigest()
    # Before the files are written: from now on `delete_unused` keeps them.
    if not database.rows(sql.ADD_PICTURE, [key, now]):
        raise Overloaded
    waits.release()
    full, thumbnail = _names(key)
    try:
        storage().save(thumbnail, ContentFile(picture.thumbnail))
        storage().save(full, ContentFile(picture.full))
    # A full disk, or an error of S3's client.
    except Exception as error:
        logger.exception("A picture could not be stored: check PICTURES_DIR or PICTURES_BUCKET.")
        raise InvalidInput([Fault("/picture", "unavailable", gettext(UNAVAILABLE))]) from error
    return storage().url(full)


def mark_unused(*, now: datetime, part: int) -> Iterator[str]:
    """Notes of each picture since when no product has it, in parts of `part` pictures. Yields the
    last key of each. The caller may stop after any part."""
    last = ""
    while found := database.rows(sql.MARK_PICTURES, [last, part, now]):
        ((last,),) = found
        yield last


def delete_unused(*, now: datetime, limit: int) -> int:
    """Deletes pictures that no product has had for UNUSED_PICTURE_DAYS, and files as old that a
    crash left unfinished. Returns the number of pictures.

    The row of a picture says that it is being deleted, committed before its files are: uploads of
    it are refused until the row is deleted. A trigger of `product` locks the row until the product
    with the picture is committed; so the deletion waits, and then keeps the picture.

    What a crash left is not being deleted any more. A product or an upload may have it since.
    Assumes that no other process runs this.
    """
    until = now - timedelta(days=UNUSED_PICTURE_DAYS)
    Picture.objects.filter(deleting_at__isnull=False).update(deleting_at=None)
    if isinstance(place := storage(), PictureFolder):
        place.delete_unfinished(until)
    return sum(_delete(key, until, now) for key in _unused(until)[:limit])


def _unused(until: datetime) -> QuerySet[Picture, str]:
    """Returns the keys of pictures that no product has had since `until`: a range of the index
    picture_unused."""
    rows = Picture.objects.filter(unused_since__lt=until).order_by("unused_since", "key")
    return rows.values_list("key", flat=True)


def _delete(key: str, until: datetime, now: datetime) -> bool:
    if not database.rows(sql.DELETE_PICTURE, [now, key, until]):
        return False
    waits.release()
    for name in _names(key):
        storage().delete(name)
    Picture.objects.filter(key=key).delete()
    return True


def thumbnail_of(address: str) -> str | None:
    """Returns the address of the thumbnail of a picture that was stored here; None for the address
    of another picture."""
    match = NAME.fullmatch(address.rpartition("/")[2])
    return storage().url(_names(match[1])[1]) if match else None


def _names(key: str) -> tuple[str, str]:
    return f"{key}.webp", f"{key}{_THUMBNAIL}.webp"


class PictureFolder(FileSystemStorage):
    """A folder of pictures. A file appears complete or not at all, so that no reader caches a part
    of it; one that is there already is replaced by the same content."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def delete_unfinished(self, until: datetime) -> None:
        """Deletes files that were begun before that moment and never got their name."""
        folder = Path(self.location)
        for one in folder.iterdir() if folder.is_dir() else ():
            if UNFINISHED.fullmatch(one.name) and one.stat().st_mtime < until.timestamp():
                one.unlink(missing_ok=True)

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
