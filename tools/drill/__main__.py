"""python -m tools.drill: see --help."""

from __future__ import annotations

import signal
import sys
import time
from datetime import UTC, datetime
from random import Random

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tools.drill import audit, books, faults, options, report, running, shop
from tools.drill.customers import Crowd, Customer
from tools.drill.options import Options
from tools.drill.recovery import Watch
from tools.drill.report import Result, Round
from tools.drill.running import Running
from tools.drill.wishes import Record
from tools.errors import LauncherError
from tools.replay import invariants
from tools.replay.clients import Account, NoAnswerError
from tools.replay.options import DEMO_STAFF
from tools.replay.report import say_verdict
from tools.replay.wire import Line
from tools.terminal import complain, say

BETWEEN_SECONDS = (0.2, 2.0)
ORDERS_BETWEEN = 20
"""That many are placed before the next fault, so that there is something to lose."""


def main() -> int:
    """Drill; 0 when nothing was lost or doubled and everything was back in time."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("Broken off."))
    try:
        return 0 if drill(options.parse(sys.argv[1:])) else 1
    except (LauncherError, NoAnswerError) as error:
        complain(str(error))
        return 1


def drill(asked: Options) -> bool:
    """Start a shop, break it again and again, audit it; say whether all was well."""
    say(f"seed        {asked.seed}")
    folder = asked.results / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-seed-{asked.seed}"
    folder.mkdir(parents=True)
    record = Record(folder / "heard.jsonl")
    with running.started(logs=folder) as larder:
        say(f"Larder runs at {larder.base_url}, in {larder.folder}")
        result = rounds_and_audit(asked, larder, record)
    record.close()
    Console().print(report.table(result.rounds))
    for what, times in sorted(result.answers.items()):
        say(f"{times:>8,}  {what}")
    say_verdict(
        "own count", result.faults, "nothing lost, nothing doubled, every unit accounted for"
    )
    say_verdict("invariants", result.violated, "all hold")
    say_verdict("back", result.late, f"each time within {asked.within:g} s")
    report.write(result, folder)
    say(f"Results, all that was heard, and the logs: {folder}")
    return result.good


def rounds_and_audit(asked: Options, larder: Running, record: Record) -> Result:
    """Let customers order through all rounds, then hold the books against the answers that they
    got."""
    random = Random(asked.seed)  # noqa: S311
    staff = Account(*DEMO_STAFF)
    stage = shop.set_stage(larder.base_url, staff, customers=asked.customers, random=random)
    crowd = Crowd(stage, record, asked.seed)
    with crowd.running():
        rounds = strike_all(asked, larder, crowd, random)
        crowd.wait_for(ORDERS_BETWEEN)
    crowd.look_up()
    with psycopg.connect(larder.cluster.owner_url()) as owner:
        found = audit.Audit(stage, record, books.read(owner, stage)).faults()
    acknowledged = sum(bool(wish.id) for wish in record.wishes if wish.path == "orders")
    violated = invariants.check(larder.cluster.app_url(), orders=acknowledged)
    return Result(asked, rounds, report.answers(record), found, violated)


def strike_all(asked: Options, larder: Running, crowd: Crowd, random: Random) -> list[Round]:
    """Strike at random moments, each time after everything was back. Raises LauncherError."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    began, rounds = time.monotonic(), []
    with Progress(*columns) as bars, Line(larder.base_url) as line:
        probe = Customer(crowd, crowd.stage.customers[-1], line, Random(asked.seed))  # noqa: S311
        watch = Watch(larder, probe)
        for name in bars.track(faults.deck(asked.only, asked.rounds, random), description="Drill"):
            crowd.wait_for(ORDERS_BETWEEN)
            time.sleep(random.uniform(*BETWEEN_SECONDS))
            struck = faults.strike(name, larder, random)
            back = watch.wait(struck)
            ended = time.monotonic()
            rounds.append(report.round_of(struck, back, crowd.record, began=began, ended=ended))
            if back is None:
                raise LauncherError(
                    f"After {struck.fault.says} {watch.missing}.\n{larder.printed[-2000:]}"
                )
    return rounds


if __name__ == "__main__":
    sys.exit(main())
