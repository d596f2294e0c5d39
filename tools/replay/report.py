"""What a replay tells: how much, how fast, and what is off."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tools.replay.traffic import OrderRecord
from tools.terminal import say

MOST_SHOWN = 20
AFTERWARDS = ("cancelled", "shipped", "returned")


@dataclass(frozen=True)
class Figures:
    """Orders by what came of them, requests by answer, orders a second, latencies in ms."""

    placed: int
    stand: Counter[str]
    refused: Counter[str]
    replayed: int
    requests: int
    rate: float
    p50: float
    p99: float


def figures(records: Sequence[OrderRecord], seconds: float) -> Figures:
    """Add up the answers that the customers got in `seconds`."""
    latencies = sorted(one * 1000 for order in records for one in order.seconds)
    return Figures(
        placed=sum(bool(one.placed) for one in records),
        stand=Counter(one.status for one in records if one.placed),
        refused=Counter(one.refusals[0] for one in records if one.refusals and not one.placed),
        replayed=sum(one.replays for one in records),
        requests=len(latencies),
        rate=len(records) / seconds,
        p50=percentile(latencies, 0.50),
        p99=percentile(latencies, 0.99),
    )


def percentile(ordered: Sequence[float], part: float) -> float:
    """Return the nearest-rank percentile; 0 when there is nothing."""
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else 0.0


def lines(found: Figures) -> list[str]:
    """Return the figures as lines for the terminal."""
    refused = "".join(f", {code} {count:,}" for code, count in found.refused.most_common())
    given_back = found.stand.total() - found.stand["placed"]
    afterwards = ", ".join(f"{one} {found.stand[one]:,}" for one in AFTERWARDS)
    return [
        f"placed      {found.placed:>8,}",
        f"given back  {given_back:>8,}, {afterwards}",
        f"refused     {found.refused.total():>8,}{refused}",
        f"answers     {found.requests:>8,}, {found.replayed:,} of them repeated earlier ones",
        f"orders/s    {found.rate:>8,.0f}",
        f"latency     {found.p50:>8,.1f} ms p50, {found.p99:,.1f} ms p99",
    ]


def shown(faults: Sequence[str]) -> list[str]:
    """Return the first faults, and how many more there are."""
    more = len(faults) - MOST_SHOWN
    return [*faults[:MOST_SHOWN], *([f"… and {more} more"] if more > 0 else [])]


def say_verdict(name: str, faults: Sequence[str], good: str) -> None:
    """Say that all is well, or what is not."""
    say(f"{name:<12}{f'{len(faults):,} FAULTS' if faults else good}")
    for fault in shown(faults):
        say(f"            {fault}")
