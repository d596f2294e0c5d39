"""python -m tools.replay: see --help."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from tools.errors import LauncherError
from tools.replay import (
    aftermath,
    books,
    cancellations,
    demand,
    invariants,
    options,
    report,
    shop,
    traffic,
)
from tools.replay.clients import NoAnswerError
from tools.replay.options import Options
from tools.replay.shop import Thing
from tools.terminal import complain, say


def main() -> int:
    """Replay; 0 when every unit is accounted for and all invariants hold."""
    try:
        return replay(options.parse(sys.argv[1:]))
    except (LauncherError, NoAnswerError) as error:
        complain(str(error))
        return 1


def replay(asked: Options) -> int:
    """Set the stage, send the orders, count; return the exit status."""
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns) as bars:

        def progress(name: str, things: Iterable[Thing], total: int) -> Iterable[Thing]:
            return bars.track(things, total=total, description=name)

        wanted = demand.read(asked.orders)
        stage = shop.set_stage(asked, wanted, progress)
        errands = traffic.plan(wanted.orders, asked)
        began = time.monotonic()
        records = traffic.send_all(stage, errands, asked.customers, progress)
        seconds = time.monotonic() - began
        given_back = cancellations.read(wanted.orders)
        aftermath.send_all(
            stage, aftermath.plan(records, given_back, asked), asked.customers, progress
        )
        statement = books.ask(stage, asked.customers, progress)
        faults = books.audit(stage, records, statement)
        if not asked.keep:
            shop.clear_stage(stage, asked.customers, progress)
    found = report.figures(records, seconds)
    for line in report.lines(found):
        say(line)
    if not found.placed:
        faults.append("Nothing was placed.")
    report.say_verdict(
        "own count", faults, f"{len(stage.products):,} products, every unit accounted for"
    )
    violated = check_invariants(asked, found.placed)
    return 1 if faults or violated else 0


def check_invariants(asked: Options, placed: int) -> list[str]:
    """Check the server's database if it can be reached; return what is violated."""
    url = invariants.database_url(asked)
    if url is None:
        say("invariants  not checked: the server's database is not known here (DATABASE_URL)")
        return []
    violated = invariants.check(url, orders=placed)
    report.say_verdict("invariants", violated, "all hold")
    return violated


if __name__ == "__main__":
    sys.exit(main())
