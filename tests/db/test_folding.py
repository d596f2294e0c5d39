"""Texts that people take for the same have one folded form."""

import pytest

from larder.db import database


@pytest.mark.parametrize(
    "texts",
    [
        ("Müller", "MULLER", "mu\u0308ller", " muller "),
        ("O’Connor", "o'connor", "O\u02bcCONNOR", "o`connor"),
        ("ΟΔΟΣ", "οδος", "οδός", "οδοσ"),
        ("Straße", "STRASSE", "STRAẞE"),
        ("İstanbul", "istanbul", "ISTANBUL", "ıstanbul"),
        ("علی", "علي", "على"),
        ("کتاب", "كتاب", "كِتاب"),
        ("Ｌarder ①", "larder 1"),
        ("ガ", "ｶﾞ"),
        ("\u1c80\u1c88", "\u0432\ua64b", "\u0412\ua64a"),
        ("Anna  Hill", "anna hill", "anna\u00a0 hill"),
    ],
)
def test_texts_that_look_the_same_to_people_are_equal(db: None, texts: tuple[str, ...]) -> None:
    forms = database.rows("SELECT DISTINCT fold(text) FROM unnest(%s::text[]) AS text", [[*texts]])
    assert len(forms) == 1


@pytest.mark.parametrize("texts", [("か", "が"), ("Müller", "Mueller"), ("a b", "ab")])
def test_other_texts_stay_different(db: None, texts: tuple[str, ...]) -> None:
    forms = database.rows("SELECT DISTINCT fold(text) FROM unnest(%s::text[]) AS text", [[*texts]])
    assert len(forms) == len(texts)
