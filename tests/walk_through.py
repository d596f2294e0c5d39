"""The walk-throughs of docs/how-to, carried out on a copy of the project as they are written.

A block of `diff` begins with the file. Its lines that begin with a space or a minus are in the
file exactly once, one after the other; those with a plus are new. A block without other lines is
a new file.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.programs import printed
from tests.server import ROOT

PAGES = Path("docs/how-to")
NEVER_COPIED = shutil.ignore_patterns(".*", "__pycache__", "node_modules", ".cache")
KEPT = (".env.example", ".importlinter", ".python-version")
"""Files with a dot that checks read."""
BLOCK = re.compile(r"^ *```diff\n(.+?)^ *```$", re.MULTILINE | re.DOTALL)
SLOW = "tests/architecture/test_walls.py::test_a_forbidden_import_is_reported"
"""The negative controls of the walls, each a run of import-linter: they hold for each copy."""


def followed(page: str, folder: Path) -> Path:
    """Returns a copy of the project, below the folder, with all changes of a page. Fails with all
    blocks that do not fit."""
    copy = folder / "larder"
    shutil.copytree(ROOT, copy, ignore=NEVER_COPIED)
    for name in KEPT:
        shutil.copy(ROOT / name, copy / name)
    misfits = [misfit for block in blocks(page) if (misfit := _apply(copy, *block))]
    assert not misfits, "\n\n".join(misfits)
    return copy


def blocks(page: str) -> Iterator[tuple[str, list[str]]]:
    """The blocks of a page: the line that names the file, and the other lines."""
    for block in BLOCK.findall((ROOT / PAGES / page).read_text()):
        indented = len(block) - len(block.lstrip(" "))
        first, *lines = [line[indented:] for line in block.splitlines()]
        yield first, lines


def _apply(copy: Path, first: str, lines: list[str]) -> str:
    """Changes the file that a block names. Returns why it does not fit; otherwise nothing."""
    file = copy / first.removeprefix("--- ")
    before = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
    after = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
    if not before:
        if file.exists():
            return f"{first}: the block does not say where, and the file is there"
        file.write_text(after)
        return ""
    text = file.read_text()
    if f"\n{text}".count(f"\n{before}") != 1:
        return (
            f"{first} does not have these lines once. If they have changed, put the new ones into"
            f" the block of the page:\n{before}"
        )
    file.write_text(f"\n{text}".replace(f"\n{before}", f"\n{after}")[1:])
    return ""


def run(copy: Path, *arguments: str) -> str:
    """Runs Python in the copy, and returns what it says."""
    return printed([sys.executable, "-W", "ignore", *arguments], folder=copy, seconds=500)


def check(copy: Path, *tests: str) -> None:
    """Checks style, words and architecture of the copy, and runs tests of it: all of them pass."""
    run(copy, "-m", "ruff", "format", "--check", "larder", "tests", "tools")
    run(copy, "-m", "ruff", "check", "--no-cache", "larder", "tests", "tools")
    run(copy, "-m", "tools.words")
    chosen = ("tests/architecture", "--deselect", SLOW, *tests)
    run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen)
