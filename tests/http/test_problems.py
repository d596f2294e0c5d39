"""Every refusal has a status and a title; a problem's type leads to its explanation."""

import ast
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from larder.core.errors import DomainError
from larder.db.constraints import FIELDS
from larder.http.problems import KINDS
from tests.conftest import Api

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


IN_THE_ADMIN = {"second_factor_wrong", "last_second_factor", "too_many_passkeys", "count_changed"}
"""No API answers with these: second factors and counts of stock are pages of the admin."""


def test_every_refusal_of_the_services_has_a_kind() -> None:
    assert codes_of_refusals() - KINDS.keys() == IN_THE_ADMIN
    assert {"sku_taken", "username_taken", "email_taken", "body_too_large"} <= codes_of_refusals()


def test_the_type_of_a_problem_leads_to_its_entry(api: Api, db: None) -> None:
    address = api("GET", "me").body["type"].removeprefix("http://testserver")
    entry = api("GET", address)
    assert entry.status == 200
    assert entry.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert entry.body.decode().startswith("# not_authenticated\n\n**401** ")


def test_an_unknown_code_has_no_entry(api: Api, db: None) -> None:
    for code in ("nothing", "..", "%2e%2e%2fDESIGN", "a" * 300):
        assert api("GET", f"problems/{code}").status == 404
