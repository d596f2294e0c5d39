"""What the admin shows of the theme, of models and of services has German texts."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import unfold
from django.contrib import admin
from django.utils import translation
from django.utils.translation import gettext

import larder
from larder.catalog.fields import FIELDS, IN_FILES
from larder.identity.permissions import PERMISSIONS, ROLES_FOR
from larder.inventory.services.movements import CAUSES
from larder.orders.lifecycle import Move
from larder.orders.models import OrderStatus
from larder.orders.payment_state import Kind, State
from larder.staff.inventory.adjustments import REASONS
from larder.staff.service_words import DETAILS, of_service, word
from tools.messages import catalogue

THEME = Path(unfold.__file__).parent
NOT_SHOWN = (
    *("contrib/constance", "contrib/forms", "contrib/guardian", "contrib/import_export"),
    "contrib/inlines",
)
UNUSED = (
    *(*NOT_SHOWN, "contrib/simple_history", "unfold_crispy", "edit_inline", "filters_numeric"),
    "empty_results",
)
"""Parts of the theme that the admin does not use."""

RARE = {
    "View traceback",
    "Dataset not found. No action performed.",
    "You can not create nested object without parent",
}
OWN = {one.parts["msgid"] for one in catalogue("django")}


def of_theme() -> Iterator[str]:
    """Yields the texts of the theme's templates and code, without plurals and long blocks."""
    simple = r"""(?:{%\s*trans(?:late)?\s+|\b_\()(?:"([^"]*)"|'([^']*)')"""
    for path in (*THEME.rglob("*.html"), *THEME.rglob("*.py")):
        if not any(part in path.as_posix() for part in UNUSED):
            for found in re.findall(simple, path.read_text()):
                yield "".join(found)


def untranslated(texts: Iterator[str]) -> list[str]:
    shown = {*texts} - {""} - OWN
    with translation.override("de"):
        return sorted(one for one in shown if gettext(one) == one)


def test_every_text_of_the_theme_is_translated() -> None:
    assert set(untranslated(of_theme())) <= RARE


def test_no_fault_of_a_file_mixes_two_languages() -> None:
    forms = [one.rules.extra["form"] for one in IN_FILES if one.rules.extra]
    details = [f"{form.rstrip('.')}; found “x”." for form in forms]
    details.append("Expected an amount in EUR, the currency of the shop; found “2 USD”.")
    with translation.override("de"):
        for detail in details:
            assert "gefunden" in of_service(detail)
            assert "Expected" not in of_service(detail)


def test_actions_of_the_audit_trail_have_words() -> None:
    kinds = {"use_recovery_code", "enrol_second_factor", "make_recovery_codes", "adjust"}
    kinds |= {"remove_second_factor", "reset_second_factor", "make_enrolment_code", "mail"}
    with translation.override("de"):
        assert [one for one in {*kinds, *Move} if word(one) == one] == []


def test_a_new_text_of_the_theme_is_found() -> None:
    assert untranslated(iter(["Save", "Something new"])) == ["Something new"]


def names() -> Iterator[str]:
    for model in admin.site._registry:
        meta = model._meta
        yield from (str(meta.verbose_name), str(meta.verbose_name_plural))
        for field in (*meta.fields, *meta.many_to_many):
            yield from (str(field.verbose_name), str(getattr(field, "help_text", "")))


def codes() -> Iterator[str]:
    yield from (*OrderStatus.values, *CAUSES, *REASONS, *State, *Kind)
    yield from (one.name for one in FIELDS if one.name != "sku")
    yield from (str(one.section or "More") for one in FIELDS)
    yield from (*PERMISSIONS.values(), *ROLES_FOR.values())


def test_every_name_and_code_is_translated() -> None:
    assert untranslated(names()) == []
    assert untranslated(one.replace("_", " ") for one in codes()) == []


FAULTY = {"Fault", "RowFault", "UnreadableWorkbook", "_UnusableCellError", "_refused", "_expected"}
PLACES = ("core", "catalog", "inventory", "orders", "identity/services")
ELSEWHERE = {
    # Of requests that only the API takes: payments of providers.
    "Expected {}, the currency of the order.",
    "Expected {}.",
    # Made of two texts, which the catalogue has as one.
    *("Expected a column with new values, such as price. {}", "Expected a column sku. {}"),
    "Too long in bytes: {}.",
}


def details() -> Iterator[str]:
    """Yields the details of the faults of services, with {} for each value."""
    root = Path(larder.__file__).parent
    for path in (file for place in PLACES for file in (root / place).rglob("*.py")):
        tree = ast.parse(path.read_text())
        assigned = [one for one in ast.walk(tree) if isinstance(one, ast.Assign)]
        named = {ast.unparse(one.targets[0]): one.value for one in assigned}
        for one in assigned:
            if ast.unparse(one.targets[0]) in {"detail", "text"}:
                yield from _text(one.value)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in FAULTY and node.args:
                given = ast.unparse(node.args[-1]).partition(".format(")[0]
                yield from _text(named.get(given, node.args[-1]))


def _text(node: ast.AST) -> Iterator[str]:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    said = (one.value if isinstance(one, ast.Constant) else "{}" for one in parts)
    text = "".join(map(str, said))
    if text[:1].isupper() and text.endswith((".", "{}")):
        yield text


def test_every_detail_of_a_service_is_translated() -> None:
    known = [re.compile(".*".join(map(re.escape, one.split("{}")))) for one in DETAILS]
    found = {one for one in details() if not any(each.fullmatch(one) for each in known)}
    assert found - OWN <= ELSEWHERE


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ("At most 4 characters.", "Höchstens 4 Zeichen."),
        (
            "Expected a whole number from 1 to 9; found “x”.",
            "Erwartet wird eine ganze Zahl von 1 bis 9; gefunden: „x“.",
        ),
        ("Something else.", "Something else."),
        ("", ""),
    ],
)
def test_a_detail_is_shown_in_the_language_of_the_request(detail: str, said: str) -> None:
    with translation.override("de"):
        assert of_service(detail) == said
    assert of_service(detail) == detail
