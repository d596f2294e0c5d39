"""The German catalogue of the admin is complete, and what is compiled of it is current."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation import gettext as translated
from django.utils.translation import override

import larder
from tools.messages import DOMAINS, FOLDER, MO, TEXTS, Entry, catalogue, compiled, script

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


def test_every_text_has_a_german_translation() -> None:
    assert {one.key: faults(one) for one in ENTRIES if faults(one)} == {}


def test_the_compiled_catalogue_and_the_script_are_current() -> None:
    """`make messages` writes both, also without GNU gettext: python -m tools.messages --compile."""
    assert MO.read_bytes() == compiled((FOLDER / "django.po").read_text())
    assert TEXTS.read_text() == script()
