"""What a drill tells: each fault and how soon it was over, what was heard, what is off."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from tools.drill.faults import Struck
from tools.drill.options import Options
from tools.drill.wishes import Kind, Record, Wish

HEADINGS = ("", "what", "back s", "order s", "lost", "503")


@dataclass(frozen=True)
class Round:
    """One fault. Seconds count from its end: `back`, all of it; `sold`, the next acknowledged order
    that was sent after it; None is never. Then how many requests had no answer, or 429 or 503."""

    name: str
    says: str
    pids: Sequence[int]
    held: float
    at: float
    back: float | None
    sold: float | None
    unanswered: int
    later: int


@dataclass(frozen=True)
class Result:
    """All of a drill."""

    options: Options
    rounds: Sequence[Round]
    answers: Counter[str]
    faults: Sequence[str]
    violated: Sequence[str]

    @property
    def late(self) -> list[str]:
        """A sentence for each fault that was not over in time."""
        late = (one for one in self.rounds if one.back is None or one.back > self.options.within)
        return [f"{one.says}: all was back after {seconds(one.back)} s." for one in late]

    @property
    def good(self) -> bool:
        """Whether nothing is off."""
        return not (self.faults or self.violated or self.late)


def round_of(
    struck: Struck, back: float | None, record: Record, *, began: float, ended: float
) -> Round:
    """Look up in the record what customers noticed until the drill went on at `ended`."""
    heard = [one for wish in record.wishes for one in wish.heard if one.at > struck.at]
    orders = (one for wish in record.of(Kind.ORDER) for one in wish.acknowledged)
    sold = min((one.at for one in orders if one.sent > struck.over), default=None)
    return Round(
        name=struck.name,
        says=struck.fault.says,
        pids=struck.pids,
        held=struck.fault.held,
        at=struck.at - began,
        back=back,
        sold=None if sold is None else sold - struck.over,
        unanswered=sum(one.status == 0 and one.sent < ended for one in heard),
        later=sum(one.status in (429, 503) and one.sent < ended for one in heard),
    )


def answers(record: Record) -> Counter[str]:
    """Count what customers know at the end."""
    return Counter(f"{wish.kind} {outcome(wish)}" for wish in record.wishes)


def outcome(wish: Wish) -> str:
    """Say how a wish ended, for its customer."""
    if wish.acknowledged:
        return "acknowledged after a lost reply" if wish.heard[0].status == 0 else "acknowledged"
    return "refused" if wish.refused else "never answered"


def table(rounds: Sequence[Round]) -> Table:
    """Return a row for each fault: until all was back, until an order was placed again, requests
    without an answer, requests with Retry-After."""
    shown = Table(box=None, pad_edge=False)
    for heading in HEADINGS:
        text = heading == "what"
        shown.add_column(heading, justify="left" if text else "right", no_wrap=not text)
    for number, one in enumerate(rounds, 1):
        row = (number, one.says, seconds(one.back), seconds(one.sold), one.unanswered, one.later)
        shown.add_row(*map(str, row))
    return shown


def seconds(figure: float | None) -> str:
    """Write a number of seconds down."""
    return "never" if figure is None else f"{figure:.2f}"


def write(result: Result, folder: Path) -> None:
    """Write everything down for machines."""
    content: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(),
        "seed": result.options.seed,
        "within": result.options.within,
        "good": result.good,
        "rounds": [asdict(one) for one in result.rounds],
        "answers": result.answers,
        "faults": [*result.faults, *result.violated, *result.late],
    }
    (folder / "result.json").write_text(json.dumps(content, indent=1) + "\n")
