"""The German catalogue of the admin is complete, and what is compiled of it is current."""

import ast
import gettext
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from django.utils.translation import gettext as translated
from django.utils.translation import override

import larder
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


LARDER = Path(larder.__file__).parent
CALLS = {"_", "gettext", "gettext_noop", "gettext_lazy", "ngettext", "ngettext_lazy"}
IN_TEMPLATE = re.compile(r'{% translate "([^"]+)"')


def texts_of(source: str) -> Iterator[str]:
    """Yields the texts that a module gives to gettext; of one with a plural, the singular."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield str(first.value)


def missing(texts: Iterator[str]) -> list[str]:
    """Returns the texts that are neither in the catalogue nor among those of Django."""
    known = {one.parts["msgid"] for one in ENTRIES}
    with override("de"):
        return [one for one in texts if one not in known and translated(one) == one]


def test_every_text_of_code_and_templates_is_in_the_catalogue() -> None:
    """If it is not, run `make messages` and translate it."""
    code = {path: missing(texts_of(path.read_text())) for path in LARDER.rglob("*.py")}
    templates = {
        path: missing(iter(IN_TEMPLATE.findall(path.read_text())))
        for path in LARDER.rglob("templates/**/*.html")
    }
    assert {str(path): found for path, found in (code | templates).items() if found} == {}


def test_a_text_that_is_not_in_the_catalogue_is_found() -> None:
    source = 'a = _("Available")\nb = ngettext("{} new text", "{} new texts", 2)\n_("New " "text")'
    assert missing(texts_of(source)) == ["{} new text", "New text"]


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
