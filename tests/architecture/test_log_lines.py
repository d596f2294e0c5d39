"""What the log, the commands and the launchers report says what operators do about it."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.architecture.sources import ROOT, nodes

LEVELS = {"warning", "error", "exception", "critical"}
ADVICE = re.compile(
    r"\b(do|_IF_\w+)\b|\b(allow|check|choose|free space|look for|make room|report)\b", re.IGNORECASE
)
"""`do` and `_IF_…` are fields and constants with the advice."""
LAUNCHERS = (
    *("tools/backup", "tools/run", "tools/local_postgres", "tools/stack", "tools/image"),
    *("tools/bootstrap.py", "tools/bouncer.py", "tools/folders.py", "deploy/aws/larder_aws"),
)
TO_DO = re.compile(
    r"(?:[.:;,] |\b(?:or|and) |\\n|^f?[\"'])(?:check|choose|commit|copy|correct|drop|fetch|give"
    r"|import|install|keep|let|make|name|read|remove|restore|run|set|start|stop|try|use|wait|write)\b",
    re.IGNORECASE,
)
"""A part of a sentence that begins with an imperative."""


def calls(paths: Iterable[Path]) -> Iterator[tuple[str, ast.Call]]:
    """Each call in the files, with its place."""
    for path in paths:
        for node in nodes(path):
            if isinstance(node, ast.Call):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_every_warning_and_error_says_what_to_do() -> None:
    lines = {
        place: ast.unparse(node)
        for place, node in calls(ROOT.glob("larder/**/*.py"))
        if isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and ast.unparse(node.func.value) == "logger"
    }
    assert len(lines) > 20
    assert [place for place, line in lines.items() if not ADVICE.search(line)] == []


COMMANDS = {"CommandError", "CannotServe", "ImproperlyConfigured", "RuntimeError"}
"""What ends a command of manage.py, or a start of the server."""


def test_every_error_of_a_command_says_what_to_do() -> None:
    errors = {
        place: texts_of(node.args[0], place)
        for place, node in calls(ROOT.glob("larder/**/*.py"))
        if ast.unparse(node.func) in COMMANDS and node.args
    }
    assert len(errors) > 15
    assert {place: text for place, text in errors.items() if not TO_DO.search(text)} == {}


def texts_of(node: ast.expr, place: str) -> str:
    """The texts of a message, with those of its module that it names."""
    tree = ast.parse((ROOT / place.partition(":")[0]).read_text())
    found: list[ast.AST] = [node]
    for one in found:
        named = {name.id for name in ast.walk(one) if isinstance(name, ast.Name)}
        more = (other for other in ast.walk(tree) if name_of(other) in named)
        found += [other for other in more if other not in found]
    parts = [one.value for each in found for one in ast.walk(each) if isinstance(one, ast.Constant)]
    return ". ".join(str(one).strip().replace("\n", ". ") for one in ["", *parts])


def name_of(node: ast.AST) -> str:
    """The name that an assignment or a function defines; empty for others."""
    if isinstance(node, ast.FunctionDef):
        return node.name
    is_one = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    return ast.unparse(node.targets[0]) if is_one and isinstance(node, ast.Assign) else ""


def test_every_error_of_a_launcher_says_what_to_do() -> None:
    paths = [path for one in LAUNCHERS for path in [ROOT / one, *(ROOT / one).rglob("*.py")]]
    errors = {
        place: ast.unparse(node.args[0])
        for place, node in calls(path for path in paths if path.suffix == ".py")
        if ast.unparse(node.func) in {"LauncherError", "Failure", "complain", "fail"}
        and isinstance(node.args[0], ast.Constant | ast.JoinedStr | ast.BinOp)
    }
    assert len(errors) > 80
    assert {place: text for place, text in errors.items() if not TO_DO.search(text)} == {}
