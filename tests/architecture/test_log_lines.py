"""What the log reports says what operators do about it."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEVELS = {"warning", "error", "exception", "critical"}
ADVICE = re.compile(
    r"\b(do|_IF_\w+)\b|\b(allow|check|choose|free space|look for|make room|report)\b", re.IGNORECASE
)
"""`do` and `_IF_…` are fields and constants with the advice."""


def test_every_warning_and_error_says_what_to_do() -> None:
    lines = {
        f"{path.relative_to(ROOT)}:{node.lineno}": ast.unparse(node)
        for path in ROOT.glob("larder/**/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and ast.unparse(node.func.value) == "logger"
    }
    assert len(lines) > 20
    assert [place for place, line in lines.items() if not ADVICE.search(line)] == []
