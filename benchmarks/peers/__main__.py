"""python -m benchmarks.peers [--cache DIR] [--peers oscar vendure] [--rounds N] [--seconds S]"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.command import kept_as, measuring
from benchmarks.generator import BadReply
from benchmarks.installation import durability, running_cluster
from benchmarks.loads import Pace
from benchmarks.machine import describe
from benchmarks.peers import table
from benchmarks.peers.catalogue import Catalogue, choose
from benchmarks.peers.course import RUSHES, Candidate, buyers_needed, run
from benchmarks.peers.larder.system import Larder
from benchmarks.peers.oscar.system import Oscar
from benchmarks.peers.system import Site, System
from benchmarks.peers.vendure.system import Vendure
from tools.errors import LauncherError
from tools.local_postgres import Cluster
from tools.terminal import complain, say, step

PEERS: dict[str, System] = {"oscar": Oscar(), "vendure": Vendure()}
CHECKOUT = Path(__file__).parents[2]
PAGE = CHECKOUT / "docs" / "explanation" / "performance" / "peers.md"
CACHE = Path(__file__).with_name(".cache")
WARM_UP = 0.2
"""Seconds that do not count, for each that does."""
CONNECTIONS = {"max_connections": "200"}
"""For the pools of all systems together."""


def main() -> int:
    """0 when every bar is met, 1 when one is missed or an answer was wrong, 2 without a result."""
    options = parse()
    began = time.monotonic()
    with measuring("peers", options.data) as folder:
        passed = compare(folder, options)
    say(f"{time.monotonic() - began:.0f} s in all.")
    return 0 if passed else 1


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the peers are installed")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="which")
    parser.add_argument("--products", type=int, default=500, help="how many are sold")
    parser.add_argument("--rounds", type=int, default=3, help="how often all is measured")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each time")
    parser.add_argument("--data", type=Path, help="where the databases go for the time")
    parser.add_argument(
        "--publish", action="store_true", help="put the table into its page, if it counts"
    )
    return parser.parse_args()


def compare(folder: Path, options: argparse.Namespace) -> bool:
    """Installs, starts, measures and tells; whether all is as it should be."""
    catalogue = choose(options.products, RUSHES + 1, buyers_needed())
    pace = Pace(options.rounds, options.seconds * WARM_UP, options.seconds)
    left_out: list[str] = []
    with ExitStack() as stack:
        systems = [Larder(), *installed(options.peers, options.cache.absolute(), left_out)]
        cluster = stack.enter_context(running_cluster(folder, CONNECTIONS))
        candidates = []
        for system in systems:
            site = make_site(cluster, system, folder, options.cache.absolute(), catalogue)
            candidate = started(system, site, stack, left_out)
            candidates += [candidate] if candidate else []
        found = run(candidates, pace)
        setup = facts(folder, cluster, pace, catalogue)
    judged = table.judge(found)
    notes = table.closing(found, judged, left_out)
    say("\n".join(["", table.markdown(found), "", *notes, ""]))
    keep(table.page(found, notes, setup), table.as_json(found, judged, setup))
    if options.publish and table.sound(found):
        publish(table.lines(found))
    return table.passed(found, judged)


def publish(lines: Sequence[str]) -> None:
    """Puts the table into its page."""
    PAGE.write_text(table.with_table(PAGE.read_text(), table.PAGE_SECTION, lines))


def installed(names: Sequence[str], cache: Path, left_out: list[str]) -> list[System]:
    """Returns the peers that are installed; adds to `left_out` why the others are not."""
    systems = []
    for system in (PEERS[name] for name in names):
        try:
            system.install(cache)
            systems.append(system)
        except LauncherError as error:
            left_out.append(f"{system.name} is left out, it cannot be installed: {error}")
            complain(left_out[-1])
    return systems


def make_site(
    cluster: Cluster, system: System, folder: Path, cache: Path, catalogue: Catalogue
) -> Site:
    """Makes a folder and a database for a system."""
    database = system.name.lower()
    (folder / database).mkdir()
    return Site(cluster, database, folder / database, cache, catalogue)


def started(system: System, site: Site, stack: ExitStack, left_out: list[str]) -> Candidate | None:
    """The system, up and filled; without a peer that does not start the rest is measured."""
    try:
        with step(f"{system.name} filled and started"):
            return Candidate(system, site, stack.enter_context(system.start(site)))
    except (LauncherError, BadReply, OSError) as error:
        if system.name == table.OURS:
            raise
        last = (str(error).strip().splitlines() or ["without a word"])[-1]
        left_out.append(f"{system.name} is left out, it does not start: {last}")
        complain(left_out[-1])
        return None


def facts(folder: Path, cluster: Cluster, pace: Pace, catalogue: Catalogue) -> dict[str, Any]:
    """How it was measured."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **asdict(describe(folder)),
        "products": len(catalogue.products),
        "buyers": len(catalogue.buyers),
        "rounds": pace.rounds,
        "seconds": f"{pace.seconds} after {pace.warm_up} of warm-up",
        **durability(cluster),
    }


def keep(page: str, figures: dict[str, Any]) -> None:
    """Writes Markdown and JSON."""
    name = kept_as("peers-")
    name.with_suffix(".md").write_text(page)
    name.with_suffix(".json").write_text(json.dumps(figures, indent=1))
    say(f"Kept as {name.relative_to(Path.cwd())}.*")


if __name__ == "__main__":
    sys.exit(main())
