"""The Python files of the project, parsed once for all tests of a process."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def tree(path: Path) -> ast.Module:
    """Returns the syntax tree of a file, which callers do not change."""
    return ast.parse(path.read_text())


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Returns all nodes of a file, in the order of ast.walk."""
    return tuple(ast.walk(tree(path)))
