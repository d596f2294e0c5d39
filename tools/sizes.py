"""python -m tools.sizes: lines of Python of each part, beside its budget.

Migrations do not count. A package without a separate budget counts towards that of `larder/`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.terminal import say

ROOT = Path(__file__).resolve().parents[1]

PAGE = ROOT / "docs" / "explanation" / "architecture.md"
REASON = re.compile(r"^\| `([\w/]+)` \| (.+) \|$", re.MULTILINE)
"""A row of its table: a part, and why it is above its budget."""
SIZE = re.compile(r"`([\w/.]+)`, ([\d,]*\d)")
"""A file or folder of the part in such a row, and its lines."""

BUDGETS: Mapping[str, int | None] = {
    "larder": 24_000,
    "larder/core": 800,
    "larder/db": 1_100,
    "larder/identity": 2_300,
    "larder/notifications": None,
    "larder/catalog": 1_300,
    "larder/inventory": 1_000,
    "larder/orders": 3_300,
    "larder/staff": 2_300,
    "larder/http": 900,
    "larder/v1": 3_600,
    "larder/compat": 2_050,
    "larder/fastpath": 430,
    "larder/ops": 2_000,
    "tests": 38_000,
    "tools": 5_500,
    "benchmarks": 3_800,
}


def main() -> int:
    """Print the table; return 0."""
    for line in table(ROOT):
        say(line)
    return 0


def table(root: Path) -> Iterator[str]:
    """Yield a heading and a line for each part: its lines, its budget, and the share used."""
    yield f"{'part':<24}{'lines':>8}{'budget':>8}{'used':>7}"
    parts = [*(one for one in BUDGETS if (root / one).is_dir()), *packages(root)]
    for part in sorted(set(parts)):
        lines, budget = lines_of(root / part), BUDGETS.get(part)
        used = f"{lines / budget:.0%}" if budget else ""
        yield f"{part:<24}{lines:>8,}{f'{budget:,}' if budget else '':>8}{used:>7}"


def with_sizes(page: str) -> str:
    """Return the page of the architecture with the present sizes in its table."""

    def row(part: re.Match[str]) -> str:
        return SIZE.sub(lambda one: f"`{one[1]}`, {lines_of(ROOT / part[1] / one[1]):,}", part[0])

    before, heading, table = page.partition("\n## Sizes\n")
    return before + heading + REASON.sub(row, table)


def packages(root: Path) -> list[str]:
    """Return the packages of the application as they are now."""
    found = (root / "larder").iterdir()
    return [f"larder/{one.name}" for one in found if (one / "__init__.py").exists()]


def lines_of(place: Path) -> int:
    """Return the lines of a file, or of all modules below a folder; 0 if there is none."""
    modules = [one for one in place.rglob("*.py") if "migrations" not in one.parts]
    modules = [place] if place.is_file() else modules
    return sum(one.read_bytes().count(b"\n") for one in modules)


if __name__ == "__main__":
    sys.exit(main())
