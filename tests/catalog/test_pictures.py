"""Pictures: what is stored of a file that was uploaded, and which files are refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from threading import Barrier

import pytest
from django.db import connection
from PIL import Image, ImageCms

from larder.catalog import picture_decoder
from larder.catalog.picture_decoder import MAX_PICTURE_PIXELS, PICTURE_SIDE
from larder.catalog.services import stored_pictures
from larder.catalog.services.stored_pictures import Picture, prepare
from larder.core.errors import InvalidInput, Overloaded
from larder.core.limits import MAX_PICTURE_BYTES, THUMBNAIL_SIDE
from tests.catalog.photos import PLACE, bomb, encoded, phone_photo, plain, wide_webp
from tests.tiers import LONGEST

SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><rect width="9" height="9"/></svg>'
)


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


def decoded(content: bytes) -> Picture:
    """What the child process of `prepare` makes of a file."""
    line, _, pictures = picture_decoder.decode(content).partition(b"\n")
    (size,) = json.loads(line)
    return Picture(pictures[:size], pictures[size:])


def refusal(content: bytes) -> str:
    with pytest.raises(InvalidInput) as refused:
        prepare(content)
    (fault,) = refused.value.faults
    assert fault.where == "/picture"
    return fault.detail


def test_place_camera_and_comments_are_removed() -> None:
    photo = phone_photo()
    assert PLACE in photo
    assert b"Ada" in photo
    picture = decoded(photo)
    for content in (picture.full, picture.thumbnail):
        shown = opened(content)
        assert not dict(shown.getexif())
        assert {"exif", "xmp", "icc_profile", "comment"}.isdisjoint(shown.info)
        assert PLACE not in content
        assert b"Ada" not in content


def test_a_photo_that_was_taken_upright_is_shown_upright() -> None:
    shown = opened(decoded(phone_photo(40, 30)).full).convert("RGB")
    assert shown.size == (30, 40)
    top, bottom = shown.getpixel((15, 5)), shown.getpixel((15, 35))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[0] > bottom[0] + 100
    assert bottom[2] > top[2] + 100


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_each_format_becomes_a_webp_of_limited_size(format: str) -> None:
    picture = decoded(encoded(plain(3_200, 1_000), format))
    assert (opened(picture.full).format, opened(picture.full).size) == ("WEBP", (PICTURE_SIDE, 500))
    assert (opened(picture.thumbnail).format, opened(picture.thumbnail).size) == (
        "WEBP",
        (THUMBNAIL_SIDE, 100),
    )


def test_a_small_picture_is_not_enlarged() -> None:
    assert opened(decoded(encoded(plain(9, 7), "PNG")).full).size == (9, 7)


def test_transparent_pixels_stay_transparent() -> None:
    clear = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    for file in (encoded(clear, "PNG"), encoded(clear.convert("P"), "PNG", transparency=0)):
        pixel = opened(decoded(file).full).convert("RGBA").getpixel((5, 5))
        assert isinstance(pixel, tuple)
        assert pixel[3] == 0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK"])
def test_other_kinds_of_pixels_are_taken(mode: str) -> None:
    format = "JPEG" if mode == "CMYK" else "PNG"
    assert opened(decoded(encoded(plain().convert(mode), format)).full).size == (
        40,
        30,
    )


def swapped() -> bytes:
    """A profile in which red is green, and green red."""
    known = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return known.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")


@pytest.mark.parametrize(("mode", "format"), [("RGB", "JPEG"), ("P", "PNG"), ("RGBA", "WEBP")])
def test_colours_of_a_profile_become_those_of_browsers(mode: str, format: str) -> None:
    photo = Image.new("RGBA", (40, 30), (255, 0, 0, 0 if mode == "RGBA" else 255)).convert(mode)
    file = encoded(photo, format, icc_profile=swapped(), exact=True, lossless=True)
    shown = opened(decoded(file).full)
    red, green, _, *alpha = shown.getpixel((5, 5))  # type: ignore[misc]
    assert green > red + 100 or alpha == [0]
    assert alpha == ([0] if mode == "RGBA" else [])
    nonsense = encoded(plain(), "PNG", icc_profile=b"no profile")
    assert opened(decoded(nonsense).full).getpixel((5, 5))[0] > 200  # type: ignore[index]


def test_an_animated_picture_becomes_its_first_frame() -> None:
    frames = [plain(color="red"), plain(color="blue")]
    for format in ("PNG", "WEBP"):
        file = encoded(frames[0], format, save_all=True, append_images=frames[1:])
        shown = opened(decoded(file).full)
        pixel = shown.convert("RGB").getpixel((5, 5))
        assert isinstance(pixel, tuple)
        assert pixel[0] > 200
        assert getattr(shown, "n_frames", 1) == 1


def test_a_photo_with_a_second_picture_behind_it_is_taken() -> None:
    """Phones write such files (MPO): a depth map or a smaller picture follows."""
    file = encoded(plain(color="red"), "MPO", save_all=True, append_images=[plain(color="blue")])
    assert opened(decoded(file).full).size == (40, 30)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(SVG, id="svg"),
        pytest.param(b"<?xml version='1.0'?>" + SVG, id="svg with a declaration"),
        pytest.param(b"<!doctype html><script>alert(1)</script>", id="html"),
        pytest.param(encoded(plain(), "GIF"), id="gif"),
        pytest.param(encoded(plain(), "BMP"), id="bmp"),
        pytest.param(encoded(plain(), "TIFF"), id="tiff"),
        pytest.param(phone_photo(400, 300)[:-2_000], id="truncated jpeg"),
        pytest.param(encoded(plain(400, 300), "PNG")[:-40], id="truncated png"),
        pytest.param(encoded(plain(400, 300), "WEBP")[:-40], id="truncated webp"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + b"\0" * 100, id="only the beginning of a png"),
        pytest.param(b"\xff\xd8\xff\xe0" + b"\0" * 100, id="only the beginning of a jpeg"),
        pytest.param(b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 100, id="only the beginning of a webp"),
    ],
)
def test_what_is_no_complete_picture_cannot_be_decoded(content: bytes) -> None:
    with pytest.raises((OSError, SyntaxError)):
        picture_decoder.decode(content)


def test_what_cannot_be_decoded_is_refused() -> None:
    assert "JPEG, PNG or WebP" in refusal(SVG)


def test_a_bomb_is_refused_before_its_pixels_are_read() -> None:
    assert "30,000 × 30,000" in refusal(bomb())
    assert refusal(wide_webp())


def test_a_jpeg_that_cannot_be_read_in_a_smaller_size_has_the_lower_limit() -> None:
    square = plain(4_000, 4_000)
    for file in (
        encoded(square, "JPEG", progressive=True),
        encoded(plain(65_000, 200), "JPEG"),
    ):
        assert f"{MAX_PICTURE_PIXELS:,}" in refusal(file)
    assert decoded(encoded(square, "JPEG")).full


def test_more_bytes_than_the_limit_are_refused() -> None:
    assert "10 MB" in refusal(phone_photo() + b"\0" * MAX_PICTURE_BYTES)


def test_a_second_content_of_a_file_is_not_stored() -> None:
    script = b"<script>alert(document.cookie)</script>"
    for file in (
        phone_photo() + script + b"PK\x03\x04",
        encoded(plain(), "JPEG", comment=script),
        encoded(plain(), "PNG") + script,
    ):
        picture = decoded(file)
        assert script not in picture.full + picture.thumbnail


def test_the_name_is_made_from_the_content(folder: Path) -> None:
    address = stored_pictures.store(phone_photo())
    name = address.removeprefix("/pictures/")
    content = (folder / name).read_bytes()
    assert name == f"{sha256(content).hexdigest()}.webp"
    assert stored_pictures.store(phone_photo()) == address
    assert stored_pictures.store(encoded(plain(), "PNG")) != address
    assert len(list(folder.iterdir())) == 4


def test_a_picture_has_a_thumbnail_beside_it(folder: Path) -> None:
    address = stored_pictures.store(encoded(plain(1_000, 1_000), "JPEG"))
    thumbnail = stored_pictures.thumbnail_of(f"https://shop.example.com{address}")
    assert thumbnail == address.replace(".webp", "-320.webp")
    assert opened((folder / thumbnail.rpartition("/")[2]).read_bytes()).size == (320, 320)
    assert stored_pictures.thumbnail_of("https://example.com/jam.png") is None
    assert stored_pictures.thumbnail_of("") is None


def test_a_file_appears_complete_or_not_at_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:10])
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fails)
    with pytest.raises(InvalidInput) as refused:
        stored_pictures.store(phone_photo())
    assert refused.value.faults[0].detail == stored_pictures.UNAVAILABLE
    assert list(folder.iterdir()) == []


UPLOADS = 14
"""At once: two are decoded, eight wait."""


@pytest.mark.django_db(transaction=True)
def test_uploads_at_once_are_stored_or_refused_for_now(folder: Path) -> None:
    shades = [f"#{4 * shade:02x}0000" for shade in range(UPLOADS)]
    photos = [encoded(plain(300, 200, shade), "PNG") for shade in shades]
    begin = Barrier(UPLOADS)

    def upload(photo: bytes) -> str | None:
        begin.wait(LONGEST)
        try:
            return stored_pictures.store(photo)
        except Overloaded:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(UPLOADS) as threads:
        addresses = [address for address in threads.map(upload, photos) if address is not None]
    assert 0 < len(addresses) < UPLOADS
    assert len(set(addresses)) == len(addresses)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(files) == 2 * len(addresses)
    for address in addresses:
        name = address.rpartition("/")[2]
        assert sha256(files[name]).hexdigest() == name.removesuffix(".webp")
