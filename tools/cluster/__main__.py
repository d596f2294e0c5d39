"""python -m tools.cluster: see --help. Exit status 1 if anything was wrong."""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import psycopg

from tools.cluster import __doc__ as about
from tools.cluster import audit, network
from tools.cluster.audit import Round, Times
from tools.cluster.faults import FAULTS, Struck, deck, struck
from tools.cluster.load import Load
from tools.cluster.machines import PORT, SERVERS, Cluster
from tools.drill import books
from tools.drill.audit import Audit
from tools.drill.customers import Crowd
from tools.drill.shop import Stage, set_stage
from tools.drill.wishes import Record
from tools.errors import LauncherError
from tools.processes import wait_until
from tools.replay import invariants
from tools.replay.clients import Account, NoAnswerError
from tools.replay.options import DEMO_STAFF
from tools.terminal import complain, say

SECONDS, FULL, MOST_ROUNDS = 560, 100, 1000
WITHIN_SECONDS, WHOLE_SECONDS, SETTLE_SECONDS, SHOWN = 15.0, 90.0, 3.0, 20
CUSTOMERS, OTHERS, OWN_PRODUCTS = 6, 8, 2
BETWEEN_SECONDS = (1.0, 3.0)


@dataclass(frozen=True)
class Options:
    """`rounds` wins over `seconds` if it is not 0."""

    seconds: int
    rounds: int
    seed: int
    only: Sequence[str]
    is_synchronous: bool
    keep: Path | None


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.cluster", description=about)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of faults (%(default)s)")
    parser.add_argument("--rounds", type=int, default=0, help="as many faults, however long")
    parser.add_argument("--full", action="store_true", help=f"{FULL} faults")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--only", nargs="+", choices=list(FAULTS), default=list(FAULTS))
    parser.add_argument(
        "--asynchronous", action="store_true", help="without synchronous_mode: orders are lost"
    )
    parser.add_argument("--keep", type=Path, help="where logs go")
    given = parser.parse_args()
    options = Options(
        given.seconds,
        FULL if given.full else given.rounds,
        given.seed,
        given.only,
        not given.asynchronous,
        given.keep,
    )
    try:
        network.enter()
        return 0 if drill(options) else 1
    except (LauncherError, NoAnswerError) as error:
        complain(str(error))
        return 1


def drill(options: Options) -> bool:
    """Start the cluster, break it again and again, and compare; True if all is well."""
    say(f"seed {options.seed}")
    with tempfile.TemporaryDirectory(prefix="larder-cluster-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        try:
            cluster = Cluster(folder, is_synchronous=options.is_synchronous)
            cluster.make()
            cluster.start_databases()
            cluster.start_servers()
            return _drilled(options, cluster)
        finally:
            if options.keep:
                shutil.copytree(folder, options.keep, dirs_exist_ok=True)


def _drilled(options: Options, cluster: Cluster) -> bool:
    random = Random(options.seed)  # noqa: S311
    servers = [f"http://{network.ADDRESSES[name]}:{PORT}" for name in SERVERS]
    stage = set_stage(servers[0], Account(*DEMO_STAFF), customers=CUSTOMERS + OTHERS, random=random)
    crowd_stage = replace(
        stage, customers=stage.customers[: CUSTOMERS + 1], products=stage.products[:-OWN_PRODUCTS]
    )
    own_stage = replace(
        stage, customers=stage.customers[CUSTOMERS + 1 :], products=stage.products[-OWN_PRODUCTS:]
    )
    record = Record(cluster.folder / "heard.jsonl")
    crowd = Crowd(crowd_stage, record, options.seed, servers=servers)
    load = Load(own_stage, servers, options.seed)
    began = time.monotonic()
    rounds: list[tuple[Struck, float, str]] = []
    broken: list[tuple[str, str]] = []
    try:
        with crowd.running(), load.running(own_stage.customers):
            time.sleep(SETTLE_SECONDS)
            rounds.extend(_strike(options, cluster, random))
    except (LauncherError, NoAnswerError) as error:
        broken.append(("broken off", str(error)))
    crowd.look_up()
    record.close()
    took = time.monotonic() - began
    customers = {
        one.username: servers[number % len(servers)]
        for number, one in enumerate(crowd_stage.customers[:-1])
    }
    times = Times.of(record, load, customers)
    done = [_measured(one, ended, by, times) for one, ended, by in rounds]
    faults = broken + _faults(cluster, crowd_stage, own_stage, record, load)
    faults += audit.pause_faults(done)
    return _report(done, took, faults, record, load)


def _strike(
    options: Options, cluster: Cluster, random: Random
) -> Iterator[tuple[Struck, float, str]]:
    """Strike until time or rounds are over. Yield each fault, its end, and the next primary."""
    deadline = time.monotonic() + options.seconds
    dealt = deck(options.only, options.rounds or MOST_ROUNDS, random)
    for number, fault in enumerate(dealt, 1):
        if not options.rounds and time.monotonic() > deadline:
            break
        primary = cluster.primary
        with struck(cluster, fault, primary) as one:
            time.sleep(FAULTS[fault][1])
        time.sleep(SETTLE_SECONDS)
        is_whole = wait_until(lambda: cluster.is_whole, WHOLE_SECONDS)
        ended, by = time.monotonic(), cluster.primary
        say(f"{number} {fault}: {primary}, then {by}; whole after {ended - one.at:.1f} s")
        yield one, ended, by
        if not is_whole:
            raise LauncherError(f"The cluster is not whole {WHOLE_SECONDS:.0f} s after: {fault}.")
        time.sleep(random.uniform(*BETWEEN_SECONDS))


def _measured(one: Struck, ended: float, by: str, times: Times) -> Round:
    until = ended + BETWEEN_SECONDS[0]
    writes = audit.longest_gap(times.writes, one.at, until)
    return Round(one, ended, by, writes, audit.longest_gap(times.reads, one.at, until))


def _faults(
    cluster: Cluster, crowd_stage: Stage, own_stage: Stage, record: Record, load: Load
) -> list[tuple[str, str]]:
    primary = network.ADDRESSES[cluster.primary]
    settings = cluster.environment(SERVERS[0])
    owner, app = (
        settings[name].replace("127.0.0.1:5000", primary).replace("127.0.0.1:6432", primary)
        for name in ("OWNER_DATABASE_URL", "DATABASE_URL")
    )
    with psycopg.connect(owner) as connection:
        crowd_books = books.read(connection, crowd_stage)
        own_books = books.read(connection, own_stage)
    faults = [*audit.drill_faults(Audit(crowd_stage, record, crowd_books).faults())]
    faults += audit.once_faults(load.tried, own_books)
    faults += audit.status_faults(record, load)
    faults += [(audit.DENIED, one) for one in load.troubles]
    violated = invariants.check(app, orders=1)
    return faults + [("invariant", one) for one in violated]


def _report(
    done: Sequence[Round],
    took: float,
    faults: Sequence[tuple[str, str]],
    record: Record,
    load: Load,
) -> bool:
    for one in done:
        say(f"{one.struck.name}: writes back after {one.writes:.1f} s, reads {one.reads:.1f} s")
    for name, said in faults[:SHOWN]:
        say(f"{name}: {said}")
    counts = Counter(name for name, _ in faults)
    found = {name: counts.pop(name, 0) for name in audit.ALWAYS} | dict(counts)
    placed = sum(bool(wish.id) for wish in record.wishes if wish.path == "orders")
    placed += sum(one.status == 201 for one in load.tried)
    writes = [one.writes for one in done]
    late = audit.percentile(writes, 0.99)
    answered = sum(one.status == 200 for one in load.reads)
    say(
        f"{len(done)} faults in {took:.0f} s, {placed:,} orders acknowledged, "
        f"writes back p50 {audit.percentile(writes, 0.5):.1f} s, p99 {late:.1f} s, "
        f"reads {answered:,} of {len(load.reads):,} answered, "
        f"longest pause of reads {max(one.reads for one in done):.1f} s; "
        + ", ".join(f"{name} {number}" for name, number in found.items())
    )
    return not faults and late < WITHIN_SECONDS


if __name__ == "__main__":
    sys.exit(main())
