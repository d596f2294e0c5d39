"""Makes the pictures that are stored from a file that was uploaded.

A file is never stored as it came. Its pixels are read and encoded anew, so what is stored has no
EXIF data (place, time, camera), no comments and no second content, and is WebP in every case. Names
and content types that the client sent are ignored.
"""

from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from larder.core.errors import Fault, InvalidInput
from larder.core.limits import (
    MAX_JPEG_PIXELS,
    MAX_PICTURE_BYTES,
    MAX_PICTURE_PIXELS,
    PICTURE_SIDE,
    THUMBNAIL_SIDE,
)
from larder.core.per_key import Limit, limited

JPEG, PNG, WEBP = (
    JpegImagePlugin.JpegImageFile.format,
    PngImagePlugin.PngImageFile.format,
    WebPImagePlugin.WebPImageFile.format,
)

# The size is compared with the limits below before pixels are read.
Image.MAX_IMAGE_PIXELS = None

_one = Limit()
"""A large picture takes a second of the processor and 200 MB, so a process reads one at a time."""

START_OF_SCAN = b"\xff\xda"
"""The marker of JPEG. Within the data of a scan, a byte of zero follows each 255."""

MAX_SCANS = 100
"""Encoders write about ten. The marker can also occur by chance in the profile of the colours."""

UNREADABLE = "This is not a complete JPEG, PNG or WebP picture. Save it as one of these formats."


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and its thumbnail, both WebP."""

    full: bytes
    thumbnail: bytes


def prepare(content: bytes) -> Picture:
    """Returns the picture of a JPEG, PNG or WebP file, upright and at most PICTURE_SIDE wide and
    high. Of an animated picture it is the first frame.

    Raises InvalidInput (`/picture`) and Overloaded.
    """
    if len(content) > MAX_PICTURE_BYTES:
        raise _refused("too_long", f"Expected at most {MAX_PICTURE_BYTES >> 20} MB.")
    with limited(_one, "staff"):
        try:
            return _encoded(_reduced(content))
        except InvalidInput:
            raise
        # A decoder raises errors of many types for a faulty file.
        except Exception as error:
            raise _refused("invalid_format", UNREADABLE) from error


def _reduced(content: bytes) -> Image.Image:
    with Image.open(BytesIO(content), formats=(JPEG, PNG, WEBP)) as opened:
        _require_little_work(opened, content)
        # Lets the decoder of JPEG skip what the smaller picture does not need.
        opened.draft(None, (PICTURE_SIDE, PICTURE_SIDE))
        _require_few_pixels(opened, MAX_PICTURE_PIXELS)
        opened.load()
        picture = _of_eight_bits(opened)
        mode = "RGBA" if picture.has_transparency_data else "RGB"
        picture = picture if picture.mode in {mode, "CMYK"} else picture.convert(mode)
        picture.thumbnail((PICTURE_SIDE, PICTURE_SIDE), reducing_gap=2.0)
        # The colours come last: a picture in other colours has no EXIF data.
        upright = _in_srgb(ImageOps.exif_transpose(picture))
        return upright if upright.mode == mode else upright.convert(mode)


def _require_little_work(opened: Image.Image, content: bytes) -> None:
    """Only a JPEG that is not progressive is read in a smaller size. A progressive one is read once
    for each of its scans, of which a file of 10 MB could have 400,000."""
    is_jpeg = isinstance(opened, JpegImagePlugin.JpegImageFile)
    is_small = is_jpeg and not opened.info.get("progressive")
    _require_few_pixels(opened, MAX_JPEG_PIXELS if is_small else MAX_PICTURE_PIXELS)
    if is_jpeg and content.count(START_OF_SCAN) > MAX_SCANS:
        raise _refused("invalid_format", UNREADABLE)


def _require_few_pixels(opened: Image.Image, most: int) -> None:
    width, height = opened.size
    if width * height > most:
        detail = f"The picture has {width:,} × {height:,} pixels. Expected at most {most:,} pixels."
        raise _refused("out_of_range", detail)


def _of_eight_bits(opened: Image.Image) -> Image.Image:
    """Returns a grey picture of 16 bits for each pixel with 8. `convert` would make each value over
    255 white."""
    if not opened.mode.startswith("I"):
        return opened
    grey = opened.point(lambda value: value / 256).convert("L")
    if "transparency" in opened.info:
        grey.info["transparency"] = opened.info["transparency"] >> 8
    return grey


def _in_srgb(picture: Image.Image) -> Image.Image:
    """Returns the picture with the colours of its profile. An unusable profile is ignored."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode != "RGB":
        return picture
    try:
        known = ImageCms.ImageCmsProfile(BytesIO(profile))
        return ImageCms.profileToProfile(picture, known, ImageCms.createProfile("sRGB")) or picture
    except (ImageCms.PyCMSError, OSError):
        return picture


def _encoded(picture: Image.Image) -> Picture:
    full = _webp(picture)
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return Picture(full, _webp(picture))


def _webp(picture: Image.Image) -> bytes:
    written = BytesIO()
    picture.save(written, WEBP, quality=85, exif=b"", xmp=b"", icc_profile=b"")
    return written.getvalue()


def _refused(code: str, detail: str) -> InvalidInput:
    return InvalidInput([Fault("/picture", code, detail)])
