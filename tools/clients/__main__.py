"""python -m tools.clients [--check]: writes docs/clients, or says what of it is out of date."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tools.clients import insomnia, postman
from tools.clients.plan_earlier import PLANS
from tools.clients.requests import PlanError, folders
from tools.terminal import complain

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ROOT / "docs" / "openapi"
COLLECTIONS = ROOT / "docs" / "clients"
ABOUT = (
    "Every operation of Larder's API and of the earlier contracts, to be run in order, from top "
    "to bottom, against `make run`. Made by `make collections`; not to be edited."
)


def main(arguments: list[str]) -> int:
    """The command line. Exit status 1: something is out of date, or forgotten in the plan."""
    try:
        made = texts()
    except PlanError as error:
        complain(str(error))
        return 1
    stale = [path for path, text in made.items() if not _holds(path, text)]
    if "--check" in arguments:
        for path in stale:
            complain(f"Not what the documents say: {path.name} (run `make collections`).")
        return 1 if stale else 0
    for path in stale:
        path.write_text(made[path], "utf-8")
    return 0


def texts() -> dict[Path, str]:
    """Both collections as they should be, by file. Raises PlanError."""
    documents = {
        name: json.loads((DOCUMENTS / f"{name}.json").read_text("utf-8")) for name in PLANS
    }
    found = folders(documents, PLANS)
    made = {
        "postman.json": postman.collection(found, ABOUT),
        "insomnia.json": insomnia.collection(found, ABOUT),
    }
    return {
        COLLECTIONS / name: json.dumps(one, indent=2, ensure_ascii=False) + "\n"
        for name, one in made.items()
    }


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
