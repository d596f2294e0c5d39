"""python -m tools.behaviour A [--data DIR]

Plays thousands of requests (the plans of tools/clients, their variants, the pages of the admin) on
the code of a revision and on the files as they are now, each on a separate server, and says
which answers differ. Each whole answer is kept in DIR/behaviour, a file for each document.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import unified_diff
from pathlib import Path

from tools.behaviour import admin
from tools.behaviour.player import Player
from tools.clients.plan_earlier import PLANS
from tools.clients.requests import folders
from tools.errors import LauncherError
from tools.proof.site import CHECKOUT, Code, opened
from tools.revisions import revision
from tools.terminal import complain, say

SETTINGS = {"LOG_LEVEL": "ERROR", "WORKERS": "1", "THREADS": "32"}
NAMES = (*PLANS, "admin")
SHOWN_LINES = 200


def main() -> int:
    """The command line. Exit status 1: answers differ, 2: nothing could be compared."""
    parser = argparse.ArgumentParser(prog="python -m tools.behaviour")
    parser.add_argument("a", metavar="A", help="a commit")
    parser.add_argument("--only", choices=NAMES, nargs="+", default=NAMES)
    parser.add_argument("--data", type=Path, default=Path(".data"), help="where answers are kept")
    asked = parser.parse_args()
    before, now = asked.data / "behaviour" / "before", asked.data / "behaviour" / "now"
    try:
        with revision(asked.a) as checkout:
            record(checkout, before, asked.only)
        requests = record(CHECKOUT, now, asked.only)
    except LauncherError as error:
        complain(str(error))
        return 2
    differences = list(compare(before, now))
    for line in differences[:SHOWN_LINES]:
        say(line)
    say(f"{requests:,} requests, {len(differences):,} lines of differences: {before}, {now}")
    return 1 if differences else 0


def record(checkout: Path, into: Path, names: Sequence[str]) -> int:
    """Play the requests of these names on the code in `checkout`; return their number."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    plans = dict(zip(PLANS, folders(documents(), PLANS), strict=True))
    with opened(SETTINGS, code=Code(checkout)) as shop:
        played = {
            name: player.play(plans[name]) if name in plans else admin.play(player)
            for name, player in ((name, Player(shop.ports[0])) for name in names)
        }
        return sum(write(into / f"{name}.txt", entries) for name, entries in played.items())


def documents() -> dict[str, dict[str, object]]:
    """Return the OpenAPI documents by the names of their plans."""
    folder = CHECKOUT / "docs" / "openapi"
    return {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in PLANS}


def write(file: Path, entries: Iterable[str]) -> int:
    """Write the entries into the file; return their number."""
    with file.open("w", encoding="utf-8", newline="\n") as out:
        return sum(1 for entry in entries if out.write(f"{entry}\n"))


def compare(before: Path, now: Path) -> Iterator[str]:
    """Yield what differs, as a unified diff of each answer. Answers are paired by their labels."""
    for file in sorted(now.iterdir()):
        former, present = entries(before / file.name), entries(file)
        for label in {**former, **present}:
            pair = former.get(label, []), present.get(label, [])
            if pair[0] != pair[1]:
                yield from unified_diff(*pair, f"{file.stem}: {label}", "now", n=3, lineterm="")


def entries(file: Path) -> dict[str, list[str]]:
    """Return the lines of each request and its answer, by its label and its number among equals."""
    found: dict[str, list[str]] = {}
    count = Counter[str]()
    for line in file.read_text("utf-8").splitlines():
        if line.startswith("## "):
            count[line] += 1
            found[f"{line} #{count[line]}"] = present = []
        present.append(line)
    return found


if __name__ == "__main__":
    sys.exit(main())
