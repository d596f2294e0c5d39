"""No loop retries without a bound: each loop without an explicit bound is listed with a reason.

Such a loop is `while True`, one over an endless iterator, or one that asks anew each time
(`while x := …`)."""

import ast
from collections.abc import Iterator

from tests.architecture.sources import ROOT, nodes

ENDLESS = {"count", "cycle", "repeat"}

SERVES = {
    "larder/db/primary.py: _listen": "the thread that asks the primary, until it answers",
    "larder/ops/telemetry/log_writer.py: _run": "the thread that writes the log, until the end",
}
READS_ON = {
    "larder/core/parts.py: in_parts": "each part begins behind the last one of a list",
    "larder/orders/queries/history.py: history_in_parts": "likewise; without later orders",
    "larder/catalog/services/compaction.py: compact": "likewise",
    "larder/catalog/services/product_import.py: revive": "each part is taken from the file",
    "larder/catalog/product_rows.py: rows": "each record is taken from a file",
    "larder/catalog/services/stored_pictures.py: mark_unused": "each part begins behind the last",
    "larder/core/workbooks.py: _events": "a part has at most MAX_WORKBOOK_BYTES",
    "larder/http/long_files.py: _pieces": "each piece is taken from the rows; the time is limited",
    "larder/http/raw_body.py: _discard_rest": "at most MAX_DISCARDED_BYTES are read",
    "larder/ops/serving/scheduling.py: _for_each_thread": "each thread is looked at once",
}
WAITS = {
    "larder/db/leases.py: lease": "LONGEST_WAIT",
    "larder/inventory/services/locks.py: find_contended": "ALL_WAITS, and the number of products",
    "larder/orders/services/placing/repeats.py: _was_committed": "FIND_WITHIN",
    "larder/orders/services/placing/place_order.py: _wait_and_place": "LANE_WAIT",
}
"""Functions that try again until a time has passed, which is named here."""
TRIES_NUMBERS = {
    "larder/ops/serving/worker_slots.py: take": "each number is tried once; one process has each",
}
NESTED = {
    "larder/http/problems.py: _shown": "the members of a refusal",
    "larder/v1/faults.py: _rules": "the members of a type",
    "larder/v1/faults.py: _values": "the members of a type",
    "larder/v1/faults.py: is_moment": "the members of a type",
    "larder/staff/service_words.py: of_service": "the parts of a detail",
    "larder/identity/passwords/hashers.py: slot": "once: a place is there by then",
}
"""Functions that call themselves."""


def _functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for path in sorted((ROOT / "larder").rglob("*.py")):
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef):
                yield f"{path.relative_to(ROOT).as_posix()}: {node.name}", node


def _is_endless(node: ast.AST) -> bool:
    if isinstance(node, ast.While):
        asks = any(isinstance(one, ast.NamedExpr) for one in ast.walk(node.test))
        return asks or isinstance(node.test, ast.Constant)
    if isinstance(node, ast.For | ast.comprehension) and isinstance(node.iter, ast.Call):
        return ast.unparse(node.iter.func).rpartition(".")[2] in ENDLESS
    return False


def _calls_itself(function: ast.FunctionDef) -> bool:
    own = {function.name, f"self.{function.name}", f"cls.{function.name}"}
    if "self" in {one.arg for one in function.args.args}:
        own.remove(function.name)
    return any(
        isinstance(node, ast.Call) and ast.unparse(node.func) in own for node in ast.walk(function)
    )


def test_loops_without_a_bound_are_listed() -> None:
    found = {name for name, function in _functions() if any(map(_is_endless, ast.walk(function)))}
    assert found == {*SERVES, *READS_ON, *WAITS, *TRIES_NUMBERS}


def test_functions_that_call_themselves_are_listed() -> None:
    assert {name for name, function in _functions() if _calls_itself(function)} == {*NESTED}
