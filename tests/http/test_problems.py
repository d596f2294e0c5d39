"""docs/reference/problems.md and the code say the same; a problem's type leads to its entry."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.password_validation import get_default_password_validators

from larder.core.errors import DomainError
from larder.db.constraints import FIELDS
from larder.http.problems import KINDS
from larder.v1.documents import explanations
from tests.conftest import Api

PAGE = (Path(settings.BASE_DIR) / "docs" / "reference" / "problems.md").read_text()
TREES = [
    ast.parse(path.read_text())
    for path in (Path(settings.BASE_DIR) / "larder").rglob("*.py")
    # The earlier contracts refuse in separate shapes.
    if "compat" not in path.parts
]


def nodes() -> Iterator[ast.AST]:
    """Every node of Larder's source."""
    return (node for tree in TREES for node in ast.walk(tree))


def calls_of(name: str) -> Iterator[ast.Call]:
    for node in nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def texts_in(node: ast.AST) -> set[str]:
    return {
        one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }


def kinds_of_refusal(base: type[DomainError] = DomainError) -> set[type[DomainError]]:
    return {base}.union(*(kinds_of_refusal(one) for one in base.__subclasses__()))


def codes_of_refusals() -> set[str]:
    """The codes of every DomainError; AlreadyTaken makes its own from the name of a field, which
    is in a call or in the table of unique constraints."""
    own = {kind.code for kind in kinds_of_refusal() if isinstance(kind.code, str)}
    names = {one for call in calls_of("AlreadyTaken") for one in texts_in(call)}
    taken = {f"{name}_taken" for name in {*names, *FIELDS.values()}}
    return own - {DomainError.code} | taken


def codes_of_faults() -> set[str]:
    """What is written as the code of a Fault, of a row's or a cell's, the table of msgspec's
    sentences, and the codes of the password validators that are switched on."""
    written = {one for call in calls_of("Fault") for one in texts_in(call.args[1])} - {"invalid"}
    written |= {one for call in calls_of("RowFault") for one in texts_in(call.args[2])}
    written |= {one for call in calls_of("_UnusableCellError") for one in texts_in(call.args[0])}
    tables = [
        node
        for node in nodes()
        if isinstance(node, ast.Assign) and "_CODES" in ast.unparse(node.targets[0])
    ]
    of_msgspec = {
        str(pair.elts[1].value)
        for table in tables
        for pair in ast.walk(table.value)
        if isinstance(pair, ast.Tuple)
        and len(pair.elts) == 2
        and isinstance(pair.elts[1], ast.Constant)
    }
    validators = (inspect.getsource(type(one)) for one in get_default_password_validators())
    of_passwords = {code for source in validators for code in re.findall(r'code="(\w+)"', source)}
    return written | of_msgspec | of_passwords | {"wrong_type"}


def codes_of_lines() -> set[str]:
    """What is beside the key "code" of a line; kind.code and the like are refusals' own."""
    found: set[str] = set()
    for node in nodes():
        if isinstance(node, ast.Dict):
            keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
            if "code" in keys:
                found |= texts_in(node.values[keys.index("code")])
    return found


def section(title: str) -> str:
    """The part of the page under a heading of the second level."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_page_has_an_entry_for_every_code_and_no_other() -> None:
    assert explanations().keys() == KINDS.keys()
    assert PAGE.count("\n### ") == len(KINDS)


@pytest.mark.parametrize("code", KINDS)
def test_an_entry_has_status_cause_and_remedy(code: str) -> None:
    entry = explanations()[code]
    assert f"\n- **Status:** {KINDS[code].status}\n" in entry
    assert "\n- **When:** " in entry
    assert "\n- **Do:** " in entry


IN_THE_ADMIN = {"second_factor_wrong", "last_second_factor", "too_many_passkeys", "count_changed"}
"""No API answers with these: second factors and counts of stock are pages of the admin."""


def test_every_refusal_of_the_services_has_a_kind() -> None:
    assert codes_of_refusals() - KINDS.keys() == IN_THE_ADMIN
    assert {"sku_taken", "username_taken", "email_taken", "body_too_large"} <= codes_of_refusals()


def test_each_documented_problem_is_the_answer_of_an_operation() -> None:
    texts = [text for tree in TREES for text in _all_texts(tree)]
    unused = {code for code in KINDS.keys() - codes_of_refusals() if texts.count(code) < 2}
    assert unused == set()


def _all_texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_the_page_lists_every_code_of_a_fault_and_no_other() -> None:
    rows = re.findall(r"^\| (`.+?) \|", section("Codes of single faults"), flags=re.MULTILINE)
    listed = {code for row in rows for code in re.findall(r"`(\w+)`", row)}
    assert listed == codes_of_faults()


def test_the_page_lists_every_code_of_a_line() -> None:
    listed = set(re.findall(r"`(\w+)`", section("Codes of lines"))) - {"code"}
    assert codes_of_lines() <= listed <= KINDS.keys()


def test_an_entry_with_lines_shows_an_example_of_one() -> None:
    for code in codes_of_lines() | {"count_below_committed", "stock_limit_exceeded"}:
        assert f'"code": "{code}", "product"' in explanations()[code]


def test_the_type_of_a_problem_leads_to_its_entry(api: Api, db: None) -> None:
    address = api("GET", "me").body["type"].removeprefix("http://testserver")
    entry = api("GET", address)
    assert entry.status == 200
    assert entry.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert entry.body.decode().startswith("# not_authenticated\n\n- **Status:** 401\n")


def test_an_unknown_code_has_no_entry(api: Api, db: None) -> None:
    for code in ("nothing", "..", "%2e%2e%2fDESIGN", "a" * 300):
        assert api("GET", f"problems/{code}").status == 404
