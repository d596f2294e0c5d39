"""python -m tools.fuzz [--examples 20] [--seed 1] [--only contract2] [--as staff]

Starts a separate demo shop and sends it what the documents of docs/openapi allow and forbid:
as a customer and as staff. Exit status 1 if an answer was not as documented.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

from larder.local.terminal import LauncherError, complain, say
from tools.proof.site import Site, opened

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("v1", "contract0", "contract1", "contract2", "contract3", "contract4")
ROLES = ("customer", "staff")
AT_ONCE = 2
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz")
    parser.add_argument("--examples", type=int, default=20, help="of each operation (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the same one asks the same")
    parser.add_argument("--only", choices=DOCUMENTS, nargs="+", default=DOCUMENTS)
    parser.add_argument("--as", dest="roles", choices=ROLES, nargs="+", default=ROLES)
    options = parser.parse_args()
    try:
        with opened() as shop, ThreadPoolExecutor(AT_ONCE) as pool:
            runs = product(options.only, options.roles)
            passed = [*pool.map(lambda run: fuzz(run[0], run[1], shop, options), runs)]
            log = shop.log("web0").splitlines()
    except LauncherError as error:
        complain(str(error))
        return 1
    if all(passed):
        say("All as documented.")
        return 0
    complain("\n".join(["Not all is as documented. The end of the server's log:", *log[-20:]]))
    return 1


def fuzz(document: str, role: str, shop: Site, options: argparse.Namespace) -> bool:
    """Fuzz a document in a role; return whether all answers were as documented."""
    started = time.monotonic()
    hooks = {
        "SCHEMATHESIS_HOOKS": "tools.fuzz.hooks",
        "FUZZ_ROLE": role,
        "FUZZ_BASE_URL": shop.urls[0],
        "PYTHONPATH": str(ROOT),
    }
    # The documents of the earlier contracts do not name their refusals.
    checks = CHECKS if document == "v1" else CHECKS[:1]
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run"),
        *(str(ROOT / "docs" / "openapi" / f"{document}.json"), "--url", shop.urls[0]),
        *("--checks", ",".join(checks), "--phases", "examples,fuzzing"),
        *("--max-examples", str(options.examples), "--seed", str(options.seed)),
        *("--generation-database", "none", "--generation-with-security-parameters", "false"),
        *("--suppress-health-check", "all", "--max-redirects", "0", "--request-timeout", "30"),
        *("--warnings", "off", "--no-color", "--continue-on-failure"),
    ]
    done = subprocess.run(
        command,
        env=shop.settings | hooks,
        cwd=shop.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    verdict = "NOT as documented" if done.returncode else "as documented"
    say(f"{document:<10} {role:<9} {verdict} ({time.monotonic() - started:.0f} s)")
    if done.returncode:
        say(done.stdout + done.stderr)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
