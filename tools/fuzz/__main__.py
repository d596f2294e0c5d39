"""python -m tools.fuzz [--examples 20] [--seconds 60] [--seed 1] [--only contract2] [--as staff]

Starts a separate demo shop and sends it what the documents of docs/openapi allow and forbid:
without a token, as a customer and as staff. Exit status 1 if an answer was not as documented.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.errors import LauncherError
from tools.fuzz import stand_ins
from tools.fuzz.run import Run
from tools.proof.site import opened
from tools.terminal import complain, say

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("v1", "contract0", "contract1", "contract2", "contract3", "contract4")
ROLES = ("nobody", "customer", "staff")
AT_ONCE = 2
PHASES = ("examples", "coverage", "fuzzing")


def main() -> int:
    """The command line."""
    options = parse(sys.argv[1:])
    try:
        return fuzz(options)
    except LauncherError as error:
        complain(str(error))
        return 1


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz")
    parser.add_argument("--examples", type=int, default=20, help="of each operation (%(default)s)")
    parser.add_argument("--seconds", type=int, help="at most, for each document and role")
    parser.add_argument("--seed", type=int, default=1, help="the same one asks the same")
    parser.add_argument("--only", choices=DOCUMENTS, nargs="+", default=DOCUMENTS)
    parser.add_argument("--as", dest="roles", choices=ROLES, nargs="+", default=ROLES)
    parser.add_argument("--phases", choices=PHASES, nargs="+", default=PHASES)
    return parser.parse_args(arguments)


def fuzz(options: argparse.Namespace) -> int:
    """Fuzz the documents in the roles, two at once; return the exit status."""
    with tempfile.TemporaryDirectory(prefix="larder-fuzz-") as name:
        folder = Path(name)
        for document in options.only:
            stand_ins.write(ROOT / "docs" / "openapi" / f"{document}.json", folder)
        with opened() as shop:
            runs = [
                Run(document, role, folder, shop.urls[0], shop.settings)
                for document in options.only
                for role in options.roles
            ]
            with ThreadPoolExecutor(AT_ONCE) as pool:
                found = [*pool.map(lambda run: run.play(options), runs)]
            log = shop.log("web0").splitlines()
        say_what_never_succeeded(runs)
        if any(found):
            complain("\n".join(["The end of the server's log:", *log[-20:]]))
    say("There are answers that are not as documented." if any(found) else "All as documented.")
    return 1 if any(found) else 0


def say_what_never_succeeded(runs: list[Run]) -> None:
    """Name the operations that were only ever refused: a longer run may reach more of them."""
    succeeded = {one for run in runs for one in run.succeeded()}
    asked = {one for run in runs for one in run.asked()}
    for document, operation in sorted(asked - succeeded):
        say(f"Never succeeded: {operation} of {document}")


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
