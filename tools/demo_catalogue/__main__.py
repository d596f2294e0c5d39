"""python -m tools.demo_catalogue: says in products.csv of what kind each product is, by the words
of kinds.csv, and draws the pictures of the kinds."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tools.demo_catalogue.drawing import drawn
from tools.demo_catalogue.icons import ICONS
from tools.terminal import say

FOLDER = Path(__file__).resolve().parents[2] / "demo" / "online_retail"
PRODUCTS, KINDS, PICTURES = (FOLDER / name for name in ("products.csv", "kinds.csv", "pictures"))

Row = dict[str, str]


def rows(file: Path) -> list[Row]:
    """Returns the rows of a file by the names of its columns."""
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def with_kinds(products: Iterable[Row], kinds: Iterable[Row]) -> list[Row]:
    """Returns the products, each with the first kind that has words of its name; empty for none."""
    patterns = {one["kind"]: _pattern(one["words"]) for one in kinds}
    return [one | {"kind": _kind(one["name"], patterns)} for one in products]


def _pattern(words: str) -> re.Pattern[str]:
    """Matches one of the words, also in the plural."""
    return re.compile(f"(?<![A-Z])(?:{words})(?:E?S)?(?![A-Z])")


def _kind(name: str, patterns: Mapping[str, re.Pattern[str]]) -> str:
    return next((kind for kind, words in patterns.items() if words.search(name.upper())), "")


def _write(products: list[Row]) -> None:
    with PRODUCTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, products[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(products)


def main() -> None:
    """Brings the files up to date."""
    products = with_kinds(rows(PRODUCTS), rows(KINDS))
    _write(products)
    PICTURES.mkdir(exist_ok=True)
    for name in ICONS:
        (PICTURES / f"{name}.webp").write_bytes(drawn(name))
    known = sum(bool(one["kind"]) for one in products)
    say(f"{known} of {len(products)} products have a kind; {len(ICONS)} pictures.")


if __name__ == "__main__":
    main()
