"""Placing one order: the way in for everybody. Orders that come at the same time go together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import Error

from larder.common import database, telemetry, turnstile
from larder.common.database import LOCK_NOT_AVAILABLE, sqlstate
from larder.common.errors import DomainError
from larder.common.group_commit import GroupCommit, Limits
from larder.common.stopwatch import Stopwatch
from larder.common.turnstile import Turns
from larder.orders.services.contended import REMEMBERED, Contended, ContendedLane, Row
from larder.orders.services.place_orders import Beside, place_candidates
from larder.orders.services.placement import Candidate, Placed, Placement, Terms, candidate

LIMITS = Limits(
    entries=128,
    weight=2_000,
    waiting=256,
    patience=5.0,
    outage_patience=1.0,
    company=0.025,
    several=9,
)
"""A group's weight is its lines. Groups of up to eight go side by side with the other process's:
what eight customers at a process would save by growing together, they lose by waiting (ADR 19)."""

LINES_OF_A_CART = 100
"""What a cart counts as: its lines are known only under its lock."""

LOCK_WAIT = 1.0
"""Seconds for which a lock is waited for while others wait: longer than any placing takes, so that
whoever holds it does something else."""

LOCK_WAIT_ALONE = 1.2
"""Seconds for each order of a group that got no lock, to find out which of them have to wait. A
little longer than LOCK_WAIT, for which a group of another process may keep some of these rows while
it waits for the same lock in its turn."""

LOCK_WAIT_LATER = 0.02
"""Seconds for each, once those before it have taken LOCK_WAIT together: everybody behind the group
waits for them, and rows of orders that are being placed are free sooner."""

MOST_CONTENDED = 4
"""Orders of one process that wait in the contended lane, each up to the role's limit."""


@dataclass(slots=True)
class _Asked:
    """`candidate` is prepared by the thread that asks: the leader, for which all others wait, need
    not. What was found out about it in a transaction that failed stays with it."""

    placement: Placement
    candidate: Candidate
    now: datetime

    @property
    def rows(self) -> frozenset[Row]:
        """The rows that it locks, as far as they are known: the products of a cart's lines are
        known once they were read under the cart's lock."""
        return self.candidate.stock_rows | self.candidate.cart_rows


def place_order(asked: Placement, *, terms: Terms, now: datetime) -> Placed:
    """Places one order, wholly or not at all, in one transaction with those that wait with it.

    Raises the refusals that `place_orders` returns, and Overloaded, with nothing done.
    """
    one = _Asked(asked, candidate(asked), now)
    if _contended.is_contended(one.rows):
        return _place_contended(one, terms)
    lines = LINES_OF_A_CART if asked.is_draft else len(asked.lines)
    try:
        return _groups(terms).ask(one, weight=lines)
    except Contended:
        return _place_contended(one, terms)


_contended = ContendedLane(MOST_CONTENDED)


def _place_contended(one: _Asked, terms: Terms) -> Placed:
    with _contended.waiting(one.rows):
        running, one.candidate = Stopwatch(), candidate(one.placement)
        (answer,) = place_candidates([one.candidate], terms=terms, now=one.now)
        alone = telemetry.Group((0.0,), (answer,), running.seconds, waiting=0)
        if isinstance(_told(answer), Contended):
            _contended.mark_contended(one.rows, REMEMBERED)
        else:
            _contended.unmark(one.rows)
    telemetry.placing.group_done(alone)
    if isinstance(answer, Exception):
        raise answer
    return answer


_queues: dict[Terms, GroupCommit[_Asked, Placed]] = {}


def _groups(terms: Terms) -> GroupCommit[_Asked, Placed]:
    """The queue of this process. A group has one set of terms, and so has an installation."""
    found = _queues.get(terms)
    if found is not None:
        return found
    turns = turnstile.of_this_process()
    made: GroupCommit[_Asked, Placed] = GroupCommit(
        lambda group: _place(group, terms, turns), LIMITS, telemetry.placing, turns
    )
    # Of two threads that both made one, the second takes the first one's.
    return _queues.setdefault(terms, made)


def _place(group: Sequence[_Asked], terms: Terms, turns: Turns) -> Sequence[Placed | Exception]:
    """An answer for each. Those that lock what others wait for already are not tried here."""
    contended = [_contended.is_contended(one.rows) for one in group]
    free = [one for one, waits in zip(group, contended, strict=True) if not waits]
    answers = iter(_place_free(free, terms, turns) if free else ())
    return [Contended() if waits else next(answers) for waits in contended]


def _place_free(
    group: Sequence[_Asked], terms: Terms, turns: Turns
) -> Sequence[Placed | Exception]:
    beside = Beside(
        lock_wait=LOCK_WAIT,
        is_contended=_contended.is_contended,
        # Another process writes while this one's commit is on its way to the disk.
        before_commit=turns.give_back,
    )
    answers = place_candidates(
        [one.candidate for one in group],
        terms=terms,
        # A repeat is told by what it asks for, so the moment may be that of the youngest.
        now=max(one.now for one in group),
        beside=beside,
    )
    told = [_told(answers[0])] if len(group) == 1 else _try_failed_alone(group, answers, terms)
    waiting = [
        one for one, answer in zip(group, told, strict=True) if isinstance(answer, Contended)
    ]
    if waiting:
        _contended.mark_contended({row for one in waiting for row in one.rows})
    return told


def _told(answer: Placed | Exception) -> Placed | Exception:
    waited = isinstance(answer, Error) and sqlstate(answer) == LOCK_NOT_AVAILABLE
    return Contended() if waited else answer


def _try_failed_alone(
    group: Sequence[_Asked], answers: Sequence[Placed | Exception], terms: Terms
) -> list[Placed | Exception]:
    """What failed for a group must fail only for the orders that it fails for."""
    told, contended, trying = list(answers), set[Row](), Stopwatch()
    for at, (one, answer) in enumerate(zip(group, answers, strict=True)):
        if not _is_worth_another_try(answer):
            continue
        if not contended.isdisjoint(one.rows):
            told[at] = Contended()
            continue
        lock_wait = LOCK_WAIT_ALONE if trying.seconds < LOCK_WAIT else LOCK_WAIT_LATER
        told[at] = _told(_try_again(one, terms, lock_wait))
        if isinstance(told[at], Contended):
            contended |= one.rows
    return told


def _try_again(one: _Asked, terms: Terms, lock_wait: float) -> Placed | Exception:
    one.candidate = candidate(one.placement)
    beside = Beside(lock_wait=lock_wait, is_contended=_contended.is_contended)
    (answer,) = place_candidates([one.candidate], terms=terms, now=one.now, beside=beside)
    return answer


def _is_worth_another_try(answer: Placed | Exception) -> bool:
    """A failure, not a refusal; and nothing of it is left, so that nothing is placed twice."""
    if not isinstance(answer, Exception) or isinstance(answer, DomainError | Contended):
        return False
    return database.undid(answer)
