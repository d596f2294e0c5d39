"""python -m tools.proof: see --help. Exit status 1 if a promise was broken."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from random import Random

from larder.local.terminal import LauncherError, complain, say
from tools.proof import __doc__ as about
from tools.proof import books, network, scenarios
from tools.proof.fleet import Account, Fleet
from tools.proof.site import Kit, opened

NAMES = sorted(module.name for module in iter_modules(scenarios.__path__))
SHOWN = 20


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.proof", description=about)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--full", action="store_true", help="as long as before a release")
    parser.add_argument("--plant", action="store_true", help="break the books: they must notice")
    parser.add_argument("--url", help="a shop that runs elsewhere, for load or replay")
    parser.add_argument("--out", type=Path, default=Path(".data/proof"))
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("Broken off."))
    try:
        if options.url:
            return elsewhere(options)
        return max(play(name, options) for name in options.names or NAMES)
    except LauncherError as error:
        complain(str(error))
        return 1


def play(name: str, options: argparse.Namespace) -> int:
    """Play a scenario on a shop of its own and audit the books; return 1 if a promise was broken,
    or if the books did not notice what was planted."""
    scenario = import_module(f"{scenarios.__name__}.{name}")
    if name == "cluster" and not network.is_inside():
        return network.run_inside(["-m", "tools.proof", name, *words(options)])
    began, out = time.monotonic(), options.out / name
    out.mkdir(parents=True, exist_ok=True)
    say(f"{name}: {(scenario.__doc__ or '').strip()}")
    shop = getattr(scenario, "opened", opened)
    with shop(getattr(scenario, "SETTINGS", {}), getattr(scenario, "SERVERS", 1)) as site:
        fleet = Fleet(site.urls, staff(), options.seed)
        kit = Kit(site, fleet, Random(options.seed), options.full)  # noqa: S311
        scenario.play(kit)
        if options.plant:
            kit.plant()
        fleet.write(out / "heard.jsonl")
        faults = [*kit.faults, *books.faults(site, fleet)]
    return report(name, kit, faults, options, time.monotonic() - began)


def words(options: argparse.Namespace) -> list[str]:
    """Return the options as the words of a command line."""
    flags = [f"--{name}" for name in ("full", "plant") if getattr(options, name)]
    return ["--seed", str(options.seed), "--out", str(options.out), *flags]


def elsewhere(options: argparse.Namespace) -> int:
    """Let customers use the shop at a URL, and compare its answers."""
    (name,) = options.names if len(options.names) == 1 else ("load",)
    scenario = import_module(f"{scenarios.__name__}.{name}")
    if not hasattr(scenario, "use"):
        raise LauncherError(
            f"{name} breaks parts of a shop: it needs one of its own, without --url."
        )
    fleet = Fleet([options.url], staff(), options.seed)
    scenario.use(fleet, full=options.full)
    faults = books.by_api(fleet)
    for fault in faults[:SHOWN]:
        say(fault)
    say(f"{name}: {fleet.orders:,} orders acknowledged, {len(faults)} faults")
    return 1 if faults else 0


def report(
    name: str, kit: Kit, faults: list[str], options: argparse.Namespace, seconds: float
) -> int:
    """Print the faults and the last line, and write result.json; return the exit status."""
    for fault in faults[:SHOWN]:
        say(f"  {fault}")
    result = {"seed": options.seed, "steps": kit.steps, "faults": faults}
    (options.out / name / "result.json").write_text(json.dumps(result, indent=1))
    say(
        f"{name}: seed {options.seed}, {kit.fleet.orders:,} orders acknowledged, "
        f"{len(kit.steps)} steps, {len(faults)} faults, {seconds:.0f} s"
    )
    return int(bool(faults) != options.plant)


def staff() -> Account:
    """Return the demo's superuser, or the account of PROOF_USERNAME and PROOF_PASSWORD."""
    return Account(
        os.environ.get("PROOF_USERNAME", "admin"), os.environ.get("PROOF_PASSWORD", "12345")
    )


if __name__ == "__main__":
    sys.exit(main())
