"""Each use case is one transaction, and part of no other."""

import ast

from tests.architecture.sources import ROOT, nodes

WITHIN = {
    "larder/catalog/services/products.py: clashes_named()": "a change may be part of another one",
    "larder/inventory/services/products.py: _store()": "a file is compared again after it",
    "larder/inventory/queries.py: out_of_stock()": "a setting for one query",
    "larder/ops/roles.py: grant(using=using)": "a step of `migrate`, or of a test",
}
"""Transactions that may be part of another one, with the reason."""


def _blocks(called: str) -> set[tuple[str, str, str]]:
    """The calls of a function, each with its file, its innermost function and its arguments."""
    blocks = set()
    for path in (ROOT / "larder").rglob("*.py"):
        if "migrations" in path.parts:
            continue
        where = path.relative_to(ROOT).as_posix()
        for function in nodes(path):
            if isinstance(function, ast.FunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.Call) and ast.unparse(node.func) == called:
                        arguments = ", ".join(
                            ast.unparse(argument) for argument in (*node.args, *node.keywords)
                        )
                        blocks.add((where, function.name, arguments))
    return blocks


def test_each_transaction_of_a_use_case_is_durable() -> None:
    blocks = {
        f"{where}: {name}({arguments})"
        for where, name, arguments in _blocks("transaction.atomic")
        if "durable=True" not in arguments
    }
    assert blocks == WITHIN.keys()
