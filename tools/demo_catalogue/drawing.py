"""Draws an icon as a picture of a product."""

from __future__ import annotations

from colorsys import hls_to_rgb
from io import BytesIO

from PIL import Image, ImageDraw

from larder.core.limits import THUMBNAIL_SIDE
from tools.demo_catalogue.icons import ICONS, TONES, Shape

_FINE = 4
"""Drawn so many times larger, so that edges are smooth."""


def drawn(name: str) -> bytes:
    """Returns the icon of this name on its colour as lossless WebP, as large as a thumbnail."""
    side = THUMBNAIL_SIDE * _FINE
    picture = Image.new("RGB", (side, side), _background(name))
    on = ImageDraw.Draw(picture)
    for shape in ICONS[name]:
        _draw(on, shape, side / 100)
    written = BytesIO()
    small = picture.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX)
    small.quantize(32, dither=Image.Dither.NONE).convert("RGB").save(
        written, "WEBP", lossless=True, quality=100, method=6
    )
    return written.getvalue()


def _background(name: str) -> tuple[int, int, int]:
    """Returns a soft colour. Icons that follow each other have different ones."""
    hue = sorted(ICONS).index(name) * 0.382 % 1
    red, green, blue = (round(255 * part) for part in hls_to_rgb(hue, 0.72, 0.42))
    return red, green, blue


def _draw(on: ImageDraw.ImageDraw, shape: Shape, scale: float) -> None:
    tone, numbers = TONES[shape.tone], [scale * one for one in shape.numbers]
    if shape.form == "oval":
        on.ellipse(numbers, fill=tone)
    elif shape.form == "box":
        on.rounded_rectangle(numbers[:4], sum(numbers[4:]), fill=tone)
    elif shape.form == "area":
        on.polygon(numbers, fill=tone)
    else:
        on.line(numbers, fill=tone, width=round(4 * scale), joint="curve")
        for x, y in (numbers[:2], numbers[-2:]):
            on.circle((x, y), 2 * scale, fill=tone)
