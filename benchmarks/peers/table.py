"""The comparison: a table, the ratios and which of them are met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.loads import WRITERS
from benchmarks.measurement import Measurement, ratio, summary
from benchmarks.peers.catalogue import FEW
from benchmarks.peers.course import (
    CLIENTS,
    CROWD,
    CROWDS,
    FEW_CLIENTS,
    READERS,
    RUSHES,
    TWICE,
    Found,
)

HEADINGS = (
    "",
    "list of 20: pages per second; p99 in ms",
    f"orders of 3 lines, {FEW_CLIENTS} clients: orders per second; p99 in ms",
    *(f"{crowd} clients: orders per second; p99 in ms" for crowd in CROWDS),
    "requests needed for one page; for one order",
    f"stock {FEW}, {CROWD} buyers at once: units sold in each of {RUSHES} runs",
    f"stock {FEW}, one order of {TWICE} + {TWICE}",
    "idle memory",
    "services beside PostgreSQL",
)
PAGE_SECTION = "\n## Results\n"

OURS = "Larder"


@dataclass(frozen=True, slots=True)
class Bar:
    """How many times as fast as a peer Larder has to be, at the same load or, with `at_best`, at
    whichever number of customers the peer places most orders from."""

    load: str
    peer: str
    times: float
    at_best: bool = False

    def __str__(self) -> str:
        return f"{self.peer}'s{' best' if self.at_best else ''}"


BARS = (
    Bar(f"W{WRITERS}", "django-oscar", 100, at_best=True),
    Bar(f"W{WRITERS}", "Vendure", 200, at_best=True),
    *(Bar(f"W{clients}", "django-oscar", 100) for clients in CLIENTS),
    *(Bar(f"W{clients}", "Vendure", 200) for clients in CLIENTS),
    Bar("R", "Vendure", 10),
    Bar("R", "django-oscar", 0),
)
"""W of `make bench` is compared with the best rate of a peer, and orders from each number of
customers with the peer's from as many."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A ratio that was found: the median over the rounds of Larder's rate by the peer's."""

    bar: Bar
    value: float

    @property
    def met(self) -> bool:
        """A NaN meets nothing."""
        return self.value >= self.bar.times

    def __str__(self) -> str:
        compared = f"{self.bar.load}: {self.value:,.1f} times {self.bar}"
        if not self.bar.times:
            return compared
        return f"{compared}; bar {self.bar.times:.0f}: {'met' if self.met else 'MISSED'}"


def judge(found: Sequence[Found]) -> list[Judged]:
    """Each bar for which both systems were measured."""
    by_name = {one.name: one for one in found}
    ours = by_name[OURS]
    return [
        Judged(bar, ratio(ours.loads[bar.load], _to_beat(bar, by_name[bar.peer])))
        for bar in BARS
        if bar.peer in by_name
    ]


def _to_beat(bar: Bar, peer: Found) -> Sequence[Measurement]:
    if bar.at_best:
        return max(peer.orders.values(), key=lambda rounds: median(one.rate for one in rounds))
    return peer.loads[bar.load]


def passed(found: Sequence[Found], judged: Sequence[Judged]) -> bool:
    """Whether every bar is met, no load got a wrong answer, and Larder's units all add up."""
    exact = not any(one.missing or oversold(one) for one in found if one.name == OURS)
    return sound(found) and exact and all(one.met for one in judged)


def sound(found: Sequence[Found]) -> bool:
    """Whether every load got right answers alone: otherwise the figures count for nothing."""
    return not any(one.failures for one in found)


def oversold(one: Found) -> int:
    """Units that were sold in the rushes and were not there."""
    return sum(rush.oversold for rush in one.rushes)


def _row(one: Found) -> tuple[str, ...]:
    # How many cores there are has no part in what is shown here.
    pages = summary(one.pages, cores=1)
    sold = [f"**{rush.sold}**" if rush.oversold else str(rush.sold) for rush in one.rushes]
    return (
        one.name,
        f"{pages.rate:,.0f}; {pages.p99:,.0f}",
        *(_placed(rounds) for rounds in one.orders.values()),
        f"{one.page_requests}; {one.order_requests}",
        ", ".join(sold),
        {"refused": "refused", "sold": "**sold**"}.get(one.twice, "failed"),
        f"{one.memory / 2**20:,.0f} MB",
        f"{len(one.services)} ({', '.join(one.services)})",
    )


def _placed(rounds: Sequence[Measurement]) -> str:
    orders = summary(rounds, cores=1)
    return f"{orders.rate:,.{0 if orders.rate >= 100 else 1}f}; {orders.p99:,.0f}"


def markdown(found: Sequence[Found]) -> str:
    """The table, and under it the versions."""
    versions = [f"- {one.name}: {one.versions}" for one in found]
    return "\n".join([*lines(found), "", *versions])


def lines(found: Sequence[Found]) -> list[str]:
    """The table in Markdown."""
    rule = ("---", *("---:" for _ in HEADINGS[1:]))
    return [f"| {' | '.join(row)} |" for row in (HEADINGS, rule, *map(_row, found))]


def with_table(page: str, heading: str, table: Sequence[str]) -> str:
    """The page with this table in the place of the one in the section with that heading.

    Raises ValueError without a table there.
    """
    before, found, after = page.partition(heading)
    section, following, rest = after.partition("\n#")
    old = "\n".join(line for line in section.split("\n") if line.startswith("|"))
    if not old or old not in section:
        raise ValueError(f"There is no table in the section{heading.rstrip()}.")
    return before + found + section.replace(old, "\n".join(table)) + following + rest


def closing(found: Sequence[Found], judged: Sequence[Judged], left_out: Sequence[str]) -> list[str]:
    """Ratios, what went wrong, what is missing."""
    notes = [str(one) for one in judged]
    for one in found:
        lost = [f"{rush.sold} sold, {rush.left} left" for rush in one.rushes if rush.oversold]
        if lost:
            notes.append(f"{one.name} sold more than there was: {'; '.join(lost)}.")
        if one.errors:
            notes.append(f"{one.name} failed at {one.errors} requests of W (5xx); sent again.")
        if one.missing:
            more = "left the tables and no order of W has them"
            less = "were sold in W and the tables still have them"
            notes.append(
                f"{one.name}: {abs(one.missing)} units {more if one.missing > 0 else less}."
            )
        failed = sum(len(rush.failed) for rush in one.rushes)
        if failed:
            notes.append(f"{one.name}: {failed} buyers of the rushes got an error for an answer.")
        notes += one.failures
    return [*notes, *left_out]


def page(found: Sequence[Found], notes: Sequence[str], setup: Mapping[str, Any]) -> str:
    """Everything as Markdown."""
    facts = [f"- {name}: {value}" for name, value in setup.items()]
    introduction = (
        f"Medians over the rounds; lists from {READERS} connections, whole orders of three lines "
        f"from {FEW_CLIENTS} clients, and in one round from {' and '.join(map(str, CROWDS))}."
    )
    return "\n".join(
        ["# Larder and its peers", "", introduction, "", markdown(found), "", *facts, ""]
        + [f"{note}\n" for note in notes]
    )


def as_json(
    found: Sequence[Found], judged: Sequence[Judged], setup: Mapping[str, Any]
) -> dict[str, Any]:
    """For machines. Rates a second, latencies in ms, memory in bytes."""
    return {
        "setup": dict(setup),
        "systems": [_system(one) for one in found],
        "ratios": [asdict(one.bar) | {"value": one.value, "met": one.met} for one in judged],
    }


def _system(one: Found) -> dict[str, Any]:
    return {
        "name": one.name,
        "versions": one.versions,
        "services": list(one.services),
        "idle_memory": one.memory,
        "requests_a_page": one.page_requests,
        "requests_an_order": one.order_requests,
        "medians": {n: asdict(summary(each, cores=1)) for n, each in one.loads.items() if each},
        "rates": {n: [each.rate for each in rounds] for n, rounds in one.loads.items() if rounds},
        "rushes": [asdict(rush) | {"oversold": rush.oversold} for rush in one.rushes],
        "units_sold_in_a_rush": median(rush.sold for rush in one.rushes) if one.rushes else None,
        "twice": one.twice,
        "server_errors": one.errors,
        "missing_units": one.missing,
        "failures": one.failures,
    }
