"""Makes the pictures that are stored from an uploaded file. Runs in a child process with limits
(larder/core/limited_child.py), which alone imports the decoders.

Pixels are read and encoded anew, so what is stored has no EXIF data (place, time, camera), no
comments and no second content, and is WebP in every case.
"""

import json
from contextlib import suppress
from io import BytesIO

from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from larder.core.limits import THUMBNAIL_SIDE

MAX_JPEG_PIXELS = 52_000_000
"""Pixels of an uploaded JPEG that is read at a smaller scale."""

MAX_PICTURE_PIXELS = 12_600_000
"""Pixels of every other uploaded picture, which is read completely."""

PICTURE_SIDE = 1_600
"""Pixels of the longer side of a stored picture, at most."""

JPEG, PNG, WEBP = (
    JpegImagePlugin.JpegImageFile.format,
    PngImagePlugin.PngImageFile.format,
    WebPImagePlugin.WebPImageFile.format,
)

# The size is compared with the limits below before pixels are read.
Image.MAX_IMAGE_PIXELS = None


class _TooLargeError(Exception):
    """A picture with too many pixels. The arguments are its width and height, and the limit."""


def decode(content: bytes) -> bytes:
    """Returns a line of JSON and the picture with its thumbnail. The line has the picture's number
    of bytes, or 0 and the arguments of _TooLargeError."""
    try:
        picture = _reduced(content)
    except _TooLargeError as refusal:
        return json.dumps([0, *refusal.args]).encode() + b"\n"
    full = _webp(picture)
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return f"[{len(full)}]\n".encode() + full + _webp(picture)


def _reduced(content: bytes) -> Image.Image:
    with Image.open(BytesIO(content), formats=(JPEG, PNG, WEBP)) as opened:
        # Only a JPEG that is not progressive is read in a smaller size.
        is_small = opened.format == JPEG and not opened.info.get("progressive")
        _require_few_pixels(opened, MAX_JPEG_PIXELS if is_small else MAX_PICTURE_PIXELS)
        # Lets the decoder of JPEG skip what the smaller picture does not need.
        opened.draft(None, (PICTURE_SIDE, PICTURE_SIDE))
        _require_few_pixels(opened, MAX_PICTURE_PIXELS)
        opened.load()
        picture: Image.Image = opened
        if picture.mode not in {"L", "LA", "RGB", "RGBA", "CMYK"} or "transparency" in picture.info:
            picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
        picture.thumbnail((PICTURE_SIDE, PICTURE_SIDE), reducing_gap=2.0)
        # The colours come last: a picture in other colours has no EXIF data.
        return _in_srgb(ImageOps.exif_transpose(picture))


def _require_few_pixels(opened: Image.Image, most: int) -> None:
    width, height = opened.size
    if width * height > most:
        raise _TooLargeError(f"{width:,}", f"{height:,}", f"{most:,}")


def _in_srgb(picture: Image.Image) -> Image.Image:
    """Returns the picture in the colours of browsers. An unusable profile is ignored."""
    alpha = picture.getchannel("A") if picture.has_transparency_data else None
    opaque = picture if alpha is None else picture.convert("RGB")
    profile, srgb = BytesIO(picture.info.get("icc_profile", b"")), ImageCms.createProfile("sRGB")
    coloured = opaque.convert("RGB")
    with suppress(ImageCms.PyCMSError, OSError, ValueError):
        coloured = ImageCms.profileToProfile(opaque, profile, srgb, outputMode="RGB") or coloured
    if alpha is not None:
        coloured.putalpha(alpha)
    return coloured


def _webp(picture: Image.Image) -> bytes:
    written = BytesIO()
    picture.save(written, WEBP, quality=85, exif=b"", xmp=b"", icc_profile=b"")
    return written.getvalue()
