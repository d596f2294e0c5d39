"""Picture files as clients send them: good, damaged and hostile ones."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms

PLACE = b"Rue de Rivoli 99, Paris"
"""A text in the EXIF data of `phone_photo`."""


def encoded(picture: Image.Image, format: str, **options: Any) -> bytes:
    """The picture as a file."""
    written = BytesIO()
    picture.save(written, format, **options)
    return written.getvalue()


def plain(width: int = 40, height: int = 30, color: str = "red") -> Image.Image:
    """A picture of one colour."""
    return Image.new("RGB", (width, height), color)


def phone_photo(width: int = 40, height: int = 30) -> bytes:
    """A JPEG with the place, the camera and a comment, whose left half is red and right half blue;
    its EXIF data say that it is to be turned by 90 degrees clockwise. It has a colour profile."""
    photo = plain(width, height)
    photo.paste("blue", (width // 2, 0, width, height))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Camera of Ada"
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 39.0), 3: "E", 4: (2.0, 20.0, 10.0), 27: PLACE}
    colours = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options = {"exif": exif, "icc_profile": colours, "comment": b"Made by Ada"}
    return encoded(photo, "JPEG", quality=95, **options)


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A complete PNG of black pixels, by default 900 million in 110 KB; each takes a byte or more
    of memory when it is read."""
    compressor, row = zlib.compressobj(), bytes(1 + (width + 7) // 8)
    data = b"".join(compressor.compress(row) for _ in range(height)) + compressor.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", data), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def wide_webp() -> bytes:
    """An animated WebP of a few bytes that says that it has 16,000 × 16,000 pixels."""
    frames = [plain(16, 16), plain(16, 16, "blue")]
    file = bytearray(encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
    assert file[12:16] == b"VP8X"
    file[24:30] = (15_999).to_bytes(3, "little") * 2
    return bytes(file)
