"""Invisible characters in names and addresses."""

import pytest

from larder.core.texts import has_invisible

SHOWN = [
    *(
        "Ada Lovelace",
        "Jos\u00e9",
        "M\u00fcller-L\u00fcdenscheidt",
        "O'Neil",
        "\u738b\u5c0f\u660e",
        "\uae40\ubbfc\uc218",
    ),
    *(
        "\u0928\u092e\u0938\u094d\u0924\u0947",
        "\u101e\u1039\u1010",
        "\u1780\u17d2\u1798",
        "\u05d3\u05d5\u05d3",
        "Ada \U0001f600",
        "a\u0301",
    ),
]
"""Names with letters, marks, viramas and an emoji."""

DRAWN_AS_NOTHING = [
    *(
        "\u2d7f",
        "\U0001107f",
        "\U00011a47",
        "\U00011f42",
        "\u034f",
        "\u17b4",
        "\u180b",
        "\ufe0f",
        "\U000e0100",
    ),
    *(
        "\u2800",
        "\u3164",
        "\uffa0",
        "\u115f",
        "\u1160",
        "\u1680",
        "\U00016fe4",
        "\U0001d159",
        "\U00013441",
    ),
]
WITHOUT_A_CHARACTER = ["\ue000", "\U000f0000", "\u0378", "\U000e0fff", "\uffff", "\ufffc", "\ufffd"]
CONTROLS = [
    "\x00",
    "\x1b",
    "\x7f",
    "\u200b",
    "\u202e",
    "\u2066",
    "\ufeff",
    "\u00ad",
    "\u2028",
    "\U000e0041",
]


@pytest.mark.parametrize("text", SHOWN)
def test_visible_text_is_accepted(text: str) -> None:
    assert not has_invisible(text)


@pytest.mark.parametrize("text", [*DRAWN_AS_NOTHING, *WITHOUT_A_CHARACTER, *CONTROLS])
def test_invisible_text_is_detected(text: str) -> None:
    assert has_invisible(f"Ada{text}")
    assert has_invisible(f"A{text}da")
