"""python -m tools.budgets: fails where a part of the tree is larger than its budget.

The budgets are in pyproject.toml, [tool.larder.budgets]. Files are those that git tracks. Python
counts without migrations; functions end after 60 lines, files after 400.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
FUNCTION_LINES = 60
FILE_LINES = 400
MEDIAN_LINES = 12


def main() -> int:
    """Print what is above its budget; return 1 if anything is."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    files = [ROOT / name for name in tracked.stdout.decode().split("\0") if name]
    files = [file for file in files if file.is_file()]
    budgets = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["larder"]["budgets"]
    faults = [*above(sizes(files), budgets), *long_code(filter(is_code, files))]
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    return 1 if faults else 0


def above(counts: Mapping[str, int], budgets: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for each part above its budget, and for each budget without a part."""
    for part in budgets.keys() ^ counts.keys():
        yield f"{part}: counted or budgeted, not both"
    for part in budgets.keys() & counts.keys():
        if counts[part] > budgets[part]:
            yield f"{part}: {counts[part]:,}, above its budget of {budgets[part]:,}"


def sizes(files: list[Path]) -> dict[str, int]:
    """Return the size of each part: lines, but words of documentation, files, settings, targets."""

    def lines(*folders: str, python: bool = True, without: tuple[str, ...] = ()) -> int:
        chosen = _below(files, folders, without)
        return sum(_lines(file) for file in chosen if is_code(file) or not python)

    packages = ("orders", "identity", "staff", "v1", "compat", "ops")
    return {
        "larder": lines("larder/"),
        **{package: lines(f"larder/{package}/") for package in packages},
        "core-db-http-fastpath": lines(
            *(f"larder/{package}/" for package in ("core", "db", "http", "front"))
        ),
        "migrations": sum(_lines(file) for file in files if "migrations" in file.parts),
        "tests": lines("tests/"),
        "tools": lines("tools/", python=False),
        "benchmarks": lines("benchmarks/", python=False),
        "deploy": lines("deploy/", python=False, without=("deploy/grafana/",)),
        "words": sum(len(file.read_text().split()) for file in files if file.suffix == ".md"),
        "files": len(files),
        "settings": _matching(r"^[A-Z]\w*=", ".env.example"),
        "targets": _matching(r"^[a-z][\w/.-]*:.*## ", "Makefile"),
    }


def long_code(files: Iterator[Path]) -> Iterator[str]:
    """Yield a line for each file and function that is too long, and for the median."""
    lengths = []
    for file in files:
        name = file.relative_to(ROOT)
        if _lines(file) >= FILE_LINES:
            yield f"{name}: {_lines(file)} lines"
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lengths.append((node.end_lineno or 0) - node.lineno + 1)
                if lengths[-1] > FUNCTION_LINES:
                    yield f"{name}:{node.lineno}: {node.name} has {lengths[-1]} lines"
    if median(lengths) > MEDIAN_LINES:
        yield f"half of all functions have more than {MEDIAN_LINES} lines"


def is_code(file: Path) -> bool:
    """Return whether a file is Python and no migration."""
    return file.suffix == ".py" and "migrations" not in file.parts


def _below(files: list[Path], folders: tuple[str, ...], without: tuple[str, ...]) -> list[Path]:
    names = {file: file.relative_to(ROOT).as_posix() for file in files if file.suffix != ".webp"}
    return [
        file
        for file, name in names.items()
        if name.startswith(folders) and not name.startswith(without or ("/",))
    ]


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n")


def _matching(pattern: str, name: str) -> int:
    return len(re.findall(pattern, (ROOT / name).read_text(), re.MULTILINE))


if __name__ == "__main__":
    sys.exit(main())
