"""Files that docstrings and comments name exist."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READ = ("larder", "tools", "tests")
NAMED = re.compile(r"(?<![\w./*-])((?:[\w-]+/)*[a-z_]\w*\.py)\b")
ELSEWHERE = {"app.py", "manage.py", "granian/server/common.py"}
"""Files of a lesson's reader, of the root, and of a library."""


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Yields the comments, and the texts that stand alone as docstrings do, with their lines."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        value = node.value if isinstance(node, ast.Expr) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.lineno, value.value


def test_files_named_in_docstrings_and_comments_exist() -> None:
    files = [path.relative_to(ROOT) for path in ROOT.glob("[!.]*/**/*.py")]
    known = {"/".join(path.parts[n:]) for path in files for n in range(len(path.parts))}
    named = [
        (f"{path}:{line}", found)
        for path in files
        if path.parts[0] in READ
        # A few files do: the others need not be taken apart.
        if NAMED.search(source := (ROOT / path).read_text())
        for line, text in texts(source)
        for found in NAMED.findall(text)
    ]
    assert len(named) > 150
    assert [one for one in named if one[1] not in known | ELSEWHERE] == []
