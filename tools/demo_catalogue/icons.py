"""What the icons of the demo catalogue consist of, on a grid of 100 × 100.

A shape is its kind, its tone and its numbers: `oval` and `box` have the corners of their frame, a
box may have the radius of its corners; `line` and `area` have points. Tones are the names of TONES.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Form = Literal["oval", "box", "line", "area"]
TONES = {"light": (255, 250, 240), "dark": (62, 52, 76), "warm": (244, 180, 92)}


class Shape(NamedTuple):
    """One shape of an icon."""

    form: Form
    tone: str
    numbers: tuple[int, ...]


def _read(text: str) -> tuple[Shape, ...]:
    forms: dict[str, Form] = {"o": "oval", "b": "box", "l": "line", "a": "area"}
    tones = {"l": "light", "d": "dark", "w": "warm"}
    words = [one.split() for one in text.split(",")]
    return tuple(Shape(forms[f], tones[t], tuple(map(int, rest))) for f, t, *rest in words)


ICONS = {
    name: _read(text)
    for name, text in {
        "bag": "l d 35 45 35 28 44 20 56 20 65 28 65 45, a l 25 42 75 42 82 84 18 84,"
        " o w 43 55 57 69",
        "balloon": "l d 50 66 46 76 54 84 50 92, o l 28 12 72 66, a l 50 62 44 72 56 72,"
        " o w 36 20 46 34",
        "basket": "l d 25 48 35 22 65 22 75 48, a w 18 48 82 48 72 84 28 84, l l 22 60 78 60,"
        " l l 25 72 75 72, l l 40 48 42 84, l l 60 48 58 84",
        "blocks": "b l 20 52 48 80 3, b w 52 52 80 80 3, b l 36 22 64 50 3, o d 43 29 57 43,"
        " b d 28 60 40 72, a d 66 58 74 74 58 74",
        "book": "b d 24 18 78 84 4, b l 28 18 78 80 4, l w 38 18 38 80, l d 48 34 68 34,"
        " l d 48 46 68 46",
        "bottle": "b w 43 12 57 24 2, a l 43 24 57 24 57 36 68 46 68 86 32 86 32 46 43 36,"
        " b w 32 56 68 74",
        "bowl": "l d 40 34 36 24 42 16, l d 58 34 54 24 60 16, a l 14 44 86 44 74 72 62 80 38 80"
        " 26 72, l w 22 56 78 56, b d 38 80 62 85",
        "box": "b l 22 42 78 82 3, b w 18 30 82 46 3, b d 44 52 56 62 2",
        "bunting": "l d 8 24 30 34 50 37 70 34 92 24, a l 14 28 32 35 21 58, a w 40 37 60 37 50 62,"
        " a l 68 35 86 28 79 58",
        "button": "o l 18 18 82 82, o w 26 26 74 74, o d 39 39 47 47, o d 53 39 61 47,"
        " o d 39 53 47 61, o d 53 53 61 61",
        "cabinet": "b l 22 16 78 84 3, l d 22 38 78 38, l d 22 61 78 61, o w 46 24 54 32,"
        " o w 46 46 54 54, o w 46 69 54 77",
        "cake": "a w 28 52 72 52 66 84 34 84, o l 24 28 76 60, o d 44 16 56 30, l l 42 54 44 84,"
        " l l 58 54 56 84",
        "candle": "b l 38 40 62 84 2, l d 50 40 50 32, a w 50 10 58 24 50 34 42 24,"
        " b d 26 82 74 88 3",
        "card": "b l 16 28 84 76 3, l d 16 30 50 56 84 30, o w 44 58 56 70",
        "clock": "o l 18 18 82 82, o w 24 24 76 76, o l 28 28 72 72, l d 50 50 50 34,"
        " l d 50 50 62 56",
        "cloth": "b l 26 16 74 84 2, b w 26 62 74 68, b w 26 73 74 77, l d 18 16 82 16",
        "cushion": "a l 18 20 50 26 82 20 76 50 82 80 50 74 18 80 24 50, o w 44 44 56 56,"
        " l d 50 30 50 38, l d 50 62 50 70, l d 30 50 38 50, l d 62 50 70 50",
        "cutlery": "b l 33 46 39 86 3, l l 28 16 28 40, l l 36 16 36 46, l l 44 16 44 40,"
        " l l 28 40 44 40, o w 58 14 74 44, b w 63 40 69 86 3",
        "egg": "o l 28 14 72 84, o l 26 34 74 86, l w 30 50 40 42 50 50 60 42 70 50,"
        " l d 28 64 40 56 50 64 60 56 72 64",
        "flower": "l d 50 50 50 90, o l 40 14 60 38, o l 26 26 48 48, o l 52 26 74 48,"
        " o l 32 42 52 62, o l 48 42 68 62, o w 42 32 58 48, a d 50 80 66 66 68 74",
        "frame": "b w 18 18 82 82 3, b l 27 27 73 73, a d 27 73 46 46 58 62 64 54 73 66 73 73,"
        " o w 56 32 66 42",
        "gift": "b l 22 44 78 84 2, b l 18 32 82 46 2, b w 45 32 55 84, o w 30 16 50 34,"
        " o w 50 16 70 34, o l 36 21 46 30, o l 54 21 64 30",
        "heart": "o l 18 22 52 56, o l 48 22 82 56, a l 22 48 78 48 50 84, b l 42 40 58 56,"
        " o w 28 30 38 40",
        "hook": "b l 20 20 80 36 4, l d 36 36 36 60 44 68 52 60, l d 64 36 64 60 72 68 80 60,"
        " o w 32 24 40 32, o w 60 24 68 32",
        "jar": "b w 32 16 68 28 3, b l 26 28 74 84 8, b w 34 48 66 68 2, l d 40 58 60 58",
        "jug": "l d 68 36 84 42 80 62 66 66, a l 28 22 72 22 66 46 72 84 28 84 34 46 18 26,"
        " l w 30 66 70 66",
        "key": "o w 16 30 52 66, o d 26 40 42 56, b w 48 44 86 52, b w 68 50 74 64,"
        " b w 80 50 86 62",
        "lamp": "l d 50 56 50 84, a w 36 20 64 20 78 56 22 56, b l 34 82 66 88 3, l l 40 26 34 50",
        "mug": "l d 66 42 82 44 82 62 66 66, b l 24 30 68 80 6, b w 24 44 68 54,"
        " l d 38 24 36 16, l d 52 24 50 16",
        "necklace": "l d 22 16 26 40 38 58 50 64 62 58 74 40 78 16, o l 20 30 30 40,"
        " o l 28 46 38 56,"
        " o l 70 30 80 40, o l 62 46 72 56, o w 42 60 58 82",
        "pencil": "a w 66 16 84 34 44 74 26 56, a l 26 56 44 74 18 82, a d 22 69 31 78 18 82,"
        " a l 60 22 66 16 84 34 78 40",
        "plate": "o l 14 14 86 86, o w 26 26 74 74, o l 30 30 70 70",
        "purse": "o d 38 16 62 36, o l 16 28 84 86, b w 22 34 78 44 4, o d 45 30 55 48",
        "ring": "o w 24 32 76 86, o d 34 42 66 76, a l 50 10 66 24 50 42 34 24",
        "star": "a l 50 12 61 38 88 40 67 58 74 86 50 70 26 86 33 58 12 40 39 38, o w 43 43 57 57",
        "tag": "l d 50 36 50 14, a l 26 40 50 24 74 40 74 84 26 84, o d 46 34 54 42,"
        " l w 36 56 64 56,"
        " l w 36 68 64 68",
        "tree": "b d 45 74 55 88, a l 50 34 80 76 20 76, a l 50 12 70 46 30 46, o w 44 6 56 18,"
        " o w 36 60 44 68, o w 56 52 64 60",
        "umbrella": "l d 50 20 50 78 44 86 38 80, a l 12 54 22 32 40 20 50 18 60 20 78 32 88 54,"
        " a w 36 54 42 30 50 18 58 30 64 54",
    }.items()
}
"""Icons by name: `b l 22 42 78 82 3` is a light box with rounded corners."""
