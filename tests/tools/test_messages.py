"""The German catalogue of the admin is complete, and what is compiled of it is current."""

import gettext
import re
from io import BytesIO

import pytest

from tools.messages import DOMAINS, FOLDER, MO, TEXTS, Entry, catalogue, compiled, entries, script

ENTRIES = [one for domain in DOMAINS for one in catalogue(domain)]
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w*\}")


def faults(one: Entry) -> list[str]:
    """Returns what is wrong with an entry."""
    found = []
    if not one.said or not all(one.said):
        found.append("without a translation")
    if "fuzzy" in one.flags:
        found.append("only similar to a translation")
    wanted = sorted(PLACEHOLDER.findall(one.parts["msgid"]))
    if any(sorted(PLACEHOLDER.findall(text)) != wanted for text in one.said):
        found.append("with other placeholders")
    if any(text[:1].isspace() != one.parts["msgid"][:1].isspace() for text in one.said):
        found.append("with other spaces at its beginning")
    return found


def test_every_text_has_a_german_translation() -> None:
    assert {one.key: faults(one) for one in ENTRIES if faults(one)} == {}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('msgid "a {}"\nmsgstr ""', "without a translation"),
        ('#, fuzzy\nmsgid "a {}"\nmsgstr "ein {}"', "only similar to a translation"),
        ('msgid "a {}"\nmsgstr "ein {}s {}"', "with other placeholders"),
        ('msgid "a %(what)s"\nmsgstr "ein %(was)s"', "with other placeholders"),
        ('msgid " a"\nmsgstr "ein"', "with other spaces at its beginning"),
    ],
)
def test_a_faulty_translation_is_found(text: str, fault: str) -> None:
    (one,) = entries(text)
    assert fault in faults(one)


def test_the_compiled_catalogue_and_the_script_are_current() -> None:
    """`make messages` writes both, also without GNU gettext: python -m tools.messages --compile."""
    assert MO.read_bytes() == compiled((FOLDER / "django.po").read_text())
    assert TEXTS.read_text() == script()


def test_a_compiled_catalogue_is_read_by_the_standard_library() -> None:
    text = (
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
        '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
        'msgid ""\n"one"\n" two"\nmsgstr "für"\n\n'
        'msgid "{} key"\nmsgid_plural "{} keys"\nmsgstr[0] "{} Taste"\nmsgstr[1] "{} Tasten"\n\n'
        '#~ msgid "gone"\n#~ msgstr "weg"\n'
    )
    read = gettext.GNUTranslations(BytesIO(compiled(text)))
    assert read.gettext("one two") == "für"
    assert [read.ngettext("{} key", "{} keys", n) for n in (1, 2)] == ["{} Taste", "{} Tasten"]
    assert read.gettext("gone") == "gone"
