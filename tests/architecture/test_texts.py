"""Every text of the admin can be translated: none of its code, templates and scripts is outside of
gettext."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import larder

STAFF = Path(larder.__file__).parent / "staff"
TRANSLATING = {"_", "gettext", "gettext_noop", "gettext_lazy", "ngettext", "ngettext_lazy"}
SHOWING = {
    *("label", "help_text", "description", "short_description", "verbose_name", "title", "answer"),
    *(
        "text",
        "nothing",
        "done",
        "all_of_them",
        "several",
        "search_help_text",
        "empty_value_display",
    ),
}
"""Names of arguments and attributes that have a text, also of one word."""

ERRORS = {"BadRequest", "NotImplementedError"}
"""Problems are in English, and so are their details (docs/how-to/run-the-admin.md)."""

NOT_SHOWN = {
    # Names of rate limits (larder/identity/services/rates/attempts.py) and of files.
    *("log in", "second factor", "tax sums", "order lines"),
    # The default of a name that is stored, and is the same word in German.
    "Passkey",
    # A product of the sample file.
    *("Storm lantern", "Burns for 20 hours"),
    # For the language, and for a type checker.
    *("use strict", "QuerySet[Any, Any]"),
}
WORDS = re.compile(r"(?<![-:/.#\w])[A-Za-z][a-z]+[,;:.]? [A-Za-z]?[a-z]+(?![-:/=\w])")
WORD = re.compile(r"[A-Z][a-z]+[.?!]?")


def untranslated(source: str) -> Iterator[str]:
    """Yields the texts of a module that are not given to gettext."""
    yield from _below(ast.parse(source), is_shown=False)


def _below(node: ast.AST, *, is_shown: bool) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = re.sub(r"<[^>]*>", "", node.value).strip()
        is_text = WORDS.search(text) or (is_shown and WORD.fullmatch(text))
        if is_text and text not in NOT_SHOWN:
            yield text
        return
    for name, child in _children(node):
        yield from _below(child, is_shown=name in SHOWING)


def _children(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yields the nodes that may have texts, with the name of the argument or attribute."""
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).rpartition(".")[2]
        if called in TRANSLATING | ERRORS:
            return
        for argument in node.args:
            yield "", argument
        for keyword in node.keywords:
            yield keyword.arg or "", keyword.value
        yield "", node.func
    elif isinstance(node, ast.Assign):
        (target, *_), value = node.targets, node.value
        yield ast.unparse(target).rpartition(".")[2], value
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            named = isinstance(key, ast.Constant) and isinstance(key.value, str)
            yield (str(key.value) if named and isinstance(key, ast.Constant) else ""), value
    else:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for child in () if is_docstring else ast.iter_child_nodes(node):
            yield "", child


TAGS = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
BLOCKS = re.compile(r"{% blocktranslate.*?endblocktranslate %}", re.DOTALL)
ATTRIBUTES = re.compile(r'(?:aria-label|alt|title|placeholder)="([^"]*)"')


def untranslated_in_template(source: str) -> Iterator[str]:
    """Yields the texts of a template that are not given to gettext: what is between its tags, the
    values of some attributes, and those of `title` and others in an include."""
    yield from re.findall(r'{% include [^%]*(?:title|message|error)="([^"]*)"', source)
    plain = TAGS.sub("", BLOCKS.sub("", source))
    yield from (one for one in ATTRIBUTES.findall(plain) if re.search(r"[A-Za-z]{2}", one))
    outside = re.sub(r"<[^>]*>|&#?\w+;", "\n", plain)
    yield from (one.strip() for one in outside.splitlines() if re.search(r"[A-Za-z]{2}", one))


def untranslated_in_script(source: str) -> Iterator[str]:
    """Yields the texts of a script that are not given to gettext."""
    code = re.sub(r"^\s*(?://|/?\*).*$", "", source, flags=re.MULTILINE)
    code = re.sub(r"querySelector\w*\([^)]*\)", "", code)
    for before, text in re.findall(r'(gettext\(|)["`]([^"`\n]*)["`]', code):
        words = WORDS.search(text) or (WORD.fullmatch(text) and text not in KEYS)
        if words and not before and text not in NOT_SHOWN:
            yield text


KEYS = {"Enter", "Event"}


def test_every_text_of_the_code_can_be_translated() -> None:
    found = {
        str(path.relative_to(STAFF)): texts
        for path in sorted(STAFF.rglob("*.py"))
        if (texts := list(untranslated(path.read_text())))
    }
    assert found == {}


def test_every_text_of_the_templates_can_be_translated() -> None:
    found = {
        path.name: texts
        for path in sorted(STAFF.rglob("*.html"))
        if (texts := list(untranslated_in_template(path.read_text())))
    }
    assert found == {}


def test_every_text_of_the_scripts_can_be_translated() -> None:
    found = {
        path.name: texts
        for path in sorted(STAFF.rglob("*.js"))
        if path.name != "texts.js" and (texts := list(untranslated_in_script(path.read_text())))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        'words("Name", label="Name")',
        'page = Page(title="Products", text=_("All of them"))',
        'class Form:\n    search_help_text = "Name"',
        'SENTENCES = {"sku_taken": Sentence("sku", "Another product has this SKU.")}',
        'messages.error(request, f"Order {number} is gone.")',
        'raise ValidationError("The password is wrong.")',
        'context = {"title": "Products"}',
        '@admin.display(description="Name")\ndef name(self): ...',
    ],
)
def test_a_text_of_the_code_that_cannot_be_translated_is_found(source: str) -> None:
    assert list(untranslated(source))


@pytest.mark.parametrize(
    "source",
    [
        "<p>Products</p>",
        '<p>{% translate "Products" %} and more</p>',
        '<nav aria-label="Print">',
        '{% include "staff/table.html" with title="To pack" only %}',
    ],
)
def test_a_text_of_a_template_that_cannot_be_translated_is_found(source: str) -> None:
    assert list(untranslated_in_template(source))


@pytest.mark.parametrize("source", ['say("Only a few are left.");', "say(`Total: ${sum} in all`);"])
def test_a_text_of_a_script_that_cannot_be_translated_is_found(source: str) -> None:
    assert list(untranslated_in_script(source))
