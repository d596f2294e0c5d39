"""The results of a run: a line for each attack, a summary, and docs/explain/security.md."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from tools.attack.catalogue import Attack
from tools.attack.target import CHECKOUT
from tools.errors import LauncherError
from tools.terminal import say

PAGE = CHECKOUT / "docs" / "explanation" / "trust.md"


class Verdict(Enum):
    """How an attack ended."""

    HELD = "held"
    BROKEN = "BROKEN"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Result:
    """One attack on one Python: how it ended, what was seen, and how many seconds it took."""

    attack: Attack
    python: str
    verdict: Verdict
    seen: str
    seconds: float


def say_result(result: Result) -> None:
    """Print a result's line."""
    said = f"{result.verdict.value:<8}{result.attack.TITLE}"
    say(f"{said}: {result.seen} ({result.seconds:.0f} s)")


def summary(results: Sequence[Result]) -> str:
    """Return the last line of a run."""
    counts = Counter(one.verdict for one in results)
    seconds = sum(one.seconds for one in results)
    attacks = f"{len(results)} attack{'s' * (len(results) != 1)}"
    held, broken, skipped = (counts[one] for one in Verdict)
    return f"{attacks}, {held} held, {broken} broken, {skipped} skipped, {seconds:.0f} s"


INTRODUCTION = """\
# Trust

`make attack` starts a server on a separate PostgreSQL and attacks it: anonymous clients, \
invalid and forged requests, slow uploads, a full disk, an unavailable database. It then runs \
`check_invariants`. This page is written by \
`make attack ATTACK_ARGS="--record"`; the last run is below.

```sh
make attack                                    # every attack in its short form
make attack ATTACK_ARGS="--full"               # most of them longer, on every supported Python
make attack ATTACK_ARGS="--only nesting"       # one of them; --list names them
make attack ATTACK_ARGS="--previous REVISION" # another revision first, for comparison
```

The attacks are the modules of [tools/attack/attacks](../../tools/attack/attacks). Those that \
need a program or a right that is missing (nginx, PgBouncer, mounting) are skipped, and the run \
says so.
"""


def require_clean() -> None:
    """Raise LauncherError where the files differ from those of the revision that would be named."""
    if _revision().endswith("-dirty"):
        raise LauncherError("Commit the changes first: docs/explain/security.md names a revision.")


def record(
    results: Sequence[Result], before: Sequence[Result] = (), *, previous: str | None = None
) -> None:
    """Write docs/explain/security.md, except for its section about checkouts."""
    _, heading, checkouts = PAGE.read_text(encoding="utf-8").partition("\n## Checkouts\n")
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    pythons = ", ".join(dict.fromkeys(one.python for one in results))
    head = f"\n## The last run\n\n{now}, revision `{_revision()}`, {pythons}. {summary(results)}.\n"
    table = _table(results, before, previous)
    PAGE.write_text(INTRODUCTION + head + table + heading + checkouts, encoding="utf-8")


def _table(results: Sequence[Result], before: Sequence[Result], previous: str | None) -> str:
    earlier = {one.attack.TITLE: one for one in before}
    last = [f"Before (`{previous}`)"] if before else []
    rows = [["Attack", "Promise", "Python", "Result", "Seen", *last]]
    rows.append(["---"] * len(rows[0]))
    for one in results:
        was = earlier.get(one.attack.TITLE)
        shown = [f"{was.verdict.value}: {was.seen}" if was else ""] if before else []
        python = one.python.removeprefix("Python ")
        cells = [one.attack.TITLE, one.attack.PROMISE, python, one.verdict.value, one.seen, *shown]
        rows.append([_cell(text) for text in cells])
    return "\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cell(text: str) -> str:
    shown = " ".join(text.split()).replace("|", "\\|")
    return shown if len(shown) <= 200 else f"{shown[:199]}…"


def _revision() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"
