"""What clients were answered, compared with the database, and how long writes and reads stopped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tools.cluster.faults import Struck
from tools.cluster.load import Load, Tried
from tools.drill.books import Books
from tools.drill.wishes import Kind, Record

LOST, TWICE, DENIED, STATUS = "lost", "placed twice", "denied", "wrong status"
PAUSED = "reads paused"
ALWAYS = (LOST, TWICE, DENIED, STATUS, PAUSED)
"""The faults that the last line names also if there are none."""
UNKNOWN = "outcome_unknown"
READS_WITHIN_SECONDS = 10.0
"""Replicas answer while there is no primary (ADR 70, 71). Pauses were 1 to 4 s,
beside much other work up to 6 s."""


def drill_faults(sentences: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the kind of each sentence of tools/drill/audit.py, and the sentence."""
    for said in sentences:
        if "acknowledged and is in the books 0 times" in said:
            yield LOST, said
        elif "in the books 2 times" in said or "more than once" in said:
            yield TWICE, said
        elif "not found and is in the books 1" in said or "refused and is in the books 1" in said:
            yield DENIED, said
        else:
            yield "books", said


def once_faults(tried: Sequence[Tried], books: Books) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with orders that were sent once, without a key.

    A refusal, and 503 other than `outcome_unknown`, say that there is no order.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for order in books.orders:
        found[order.reference].append(order.id)
    for one in tried:
        there = found[one.reference]
        said = f"{one.reference} was answered {one.status} {one.code} {one.id} at {one.at:.1f}"
        if one.status == 201 and one.id not in there:
            yield LOST, said
        if len(there) > 1:
            yield TWICE, said
        if there and one.status >= 400 and one.code != UNKNOWN:
            yield DENIED, f"{said}, and the database has {there}"


def status_faults(record: Record, load: Load) -> Iterator[tuple[str, str]]:
    """Yield each 5xx that is neither 503 nor `outcome_unknown`."""
    heard = [(one.status, one.code) for wish in record.wishes for one in wish.heard]
    heard += [(tried.status, tried.code) for tried in load.tried]
    heard += [(read.status, read.code) for read in load.reads]
    for status, code in heard:
        if status >= 500 and status != 503 and code != UNKNOWN:
            yield STATUS, f"a request was answered {status} ({code})"


@dataclass(frozen=True)
class Times:
    """Moments at which each server acknowledged an order, and answered a read of each kind of an
    onlooker with 200."""

    writes: Mapping[str, Sequence[float]]
    reads: Mapping[str, Sequence[float]]

    @classmethod
    def of(cls, record: Record, load: Load, servers: Mapping[str, str]) -> Times:
        """Collect them. `servers`: of each customer of the record, the address."""
        writes: dict[str, list[float]] = defaultdict(list)
        for wish in record.of(Kind.ORDER):
            if wish.account.username in servers:
                writes[servers[wish.account.username]] += [one.at for one in wish.acknowledged]
        for tried in load.tried:
            if tried.status == 201:
                writes[tried.server].append(tried.at)
        reads: dict[str, list[float]] = defaultdict(list)
        for read in load.reads:
            if read.status == 200 and read.by_onlooker:
                reads[f"{read.server} {read.what}"].append(read.at)
        return cls(
            {name: sorted(moments) for name, moments in writes.items()},
            {name: sorted(moments) for name, moments in reads.items()},
        )


def longest_gap(moments: Mapping[str, Sequence[float]], since: float, until: float) -> float:
    """Return the longest time without such a moment in one of the lists, between the two."""
    gaps = [0.0]
    for each in moments.values():
        inside = [since, *(one for one in each if since < one < until), until]
        gaps += [after - before for before, after in pairwise(inside)]
    return max(gaps)


@dataclass(frozen=True)
class Round:
    """A fault, until the cluster was whole again; then seconds without an acknowledged order at a
    server, and without an answered read of one kind, where that was longest."""

    struck: Struck
    ended: float
    took_over: str
    writes: float
    reads: float


def pause_faults(rounds: Sequence[Round]) -> Iterator[tuple[str, str]]:
    """Yield each round in which reads stopped for too long."""
    for one in rounds:
        if one.reads > READS_WITHIN_SECONDS:
            yield PAUSED, f"{one.struck.name}: a server answered no read for {one.reads:.1f} s"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered), -int(-len(ordered) * share // 1)) - 1)]
