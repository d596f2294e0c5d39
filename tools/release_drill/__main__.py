"""python -m tools.release_drill: see --help. Exit status 1 if a request failed."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import psycopg
from rich.console import Console

from tools.errors import LauncherError
from tools.release_drill import __doc__ as about
from tools.release_drill import clients, releases, report
from tools.release_drill.clients import Load
from tools.release_drill.releases import Release
from tools.release_drill.report import Took
from tools.release_drill.site import Site, opened
from tools.release_drill.steps import Plan, Step
from tools.replay import invariants
from tools.terminal import complain, say

CUSTOMERS, CUSTOMERS_OF_A_SHORT_ONE = 8, 4
WIDTH = 100
SETTLE_SECONDS = 2.0
"""After each step, in which its failures would still show."""
ORDERS = "SELECT count(*) FROM orders.order_line WHERE product_id = %s"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.release_drill", description=about)
    parser.add_argument("--short", action="store_true", help="one release, back, one restart")
    parser.add_argument("--old", help="the commit to begin with (the last release)")
    parser.add_argument("--both", type=float, default=5.0, help="seconds of two versions (5)")
    parser.add_argument("--data", type=Path, default=Path(".data"))
    given = parser.parse_args()
    try:
        version, commit = ("old", given.old) if given.old else releases.last()
        with releases.checked_out(version, commit, given.data / "release-drill") as old:
            return 0 if drill(old, short=given.short, both_seconds=given.both) else 1
    except LauncherError as error:
        complain(str(error))
        return 1


def drill(old: Release, *, short: bool, both_seconds: float) -> bool:
    """Take all steps under load, and audit the books; return whether no request failed."""
    say(f"from {old.name} ({old.commit[:8]}) to the present files")
    with opened() as site:
        site.prepare(old)
        site.start(old)
        load = Load(site.proxy.port, site.servers[0].product(stock=1_000_000))
        plan = Plan(site, old, releases.present(), both_seconds)
        with clients.running(load, CUSTOMERS_OF_A_SHORT_ONE if short else CUSTOMERS):
            taken = [take(one, load) for one in (plan.short() if short else plan.full())]
        faults = audit(site, load)
    Console(width=WIDTH).print(report.table(taken))
    for line in (*report.failures(taken), *faults):
        say(line)
    say(report.summary(taken, load.orders, len(faults)))
    return all(one.good for one in taken) and not faults


def take(step: Step, load: Load) -> Took:
    """Take a step, and wait until its failures would have shown."""
    began = time.monotonic()
    step.run()
    seconds = time.monotonic() - began
    time.sleep(SETTLE_SECONDS)
    return Took(step.name, seconds, load.since(began), step.outage)


def audit(site: Site, load: Load) -> list[str]:
    """Return what is wrong with the books: lost and unacknowledged orders, invariants."""
    with psycopg.connect(site.cluster.owner_url()) as owner:
        row = owner.execute(ORDERS, [load.product]).fetchone()
    stored = int(row[0]) if row else 0
    unknown = sum(one.kind == "order" and one.code == "outcome_unknown" for one in load.heard)
    found = invariants.check(site.settings["DATABASE_URL"], orders=load.orders)
    if not load.orders <= stored <= load.orders + unknown:
        found.append(f"{stored} orders are stored, {load.orders} were acknowledged")
    return found


if __name__ == "__main__":
    sys.exit(main())
