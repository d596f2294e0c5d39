"""Placing one order: the way in for everybody. Orders that come at the same time go together."""

from collections.abc import Sequence
from datetime import datetime

from django.db import Error
from msgspec import Struct

from larder.common import database, telemetry, turnstile
from larder.common.database import LOCK_NOT_AVAILABLE, sqlstate
from larder.common.errors import DomainError
from larder.common.group_commit import GroupCommit, Limits
from larder.common.stopwatch import Stopwatch
from larder.common.turnstile import Turns
from larder.orders.services.held_up import Aside, HeldUp
from larder.orders.services.place_orders import place_candidates, place_orders
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

LOCK_WAIT_ALONE = 0.25
"""Seconds for each of a group that waited in vain, to find out which of them have to."""

LOCK_WAIT_LATER = 0.02
"""Seconds for each, once those before it have taken LOCK_WAIT together: everybody behind the group
waits for them, and rows of orders that are being placed are free sooner."""

MOST_ASIDE = 4
"""Orders of one process that wait for a lock by themselves, up to the role's limit."""


class _Asked(Struct, frozen=True):
    """`candidate` is prepared by who asks: the leader, who holds up all others, need not."""

    placement: Placement
    candidate: Candidate
    now: datetime

    @property
    def products(self) -> frozenset[int]:
        """As far as they are known before a draft is looked at."""
        return frozenset(line.product for line in self.placement.lines)


def place_order(asked: Placement, *, terms: Terms, now: datetime) -> Placed:
    """Places one order, wholly or not at all, in one transaction with those that wait with it.

    Raises the refusals that `place_orders` returns, and Overloaded, with nothing done.
    """
    one = _Asked(asked, candidate(asked), now)
    if _aside.concerns(one.products):
        return _place_aside(one, terms)
    groups = _groups(terms)
    lines = LINES_OF_A_CART if asked.is_draft else len(asked.lines)
    try:
        return groups.ask(one, weight=lines)
    except HeldUp:
        return _place_aside(one, terms)


_aside = Aside(MOST_ASIDE)


def _place_aside(one: _Asked, terms: Terms) -> Placed:
    with _aside.turn(one.products):
        running = Stopwatch()
        (answer,) = place_orders([one.placement], terms=terms, now=one.now)
        alone = telemetry.Group((0.0,), (answer,), running.seconds, waiting=0)
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
    """An answer for each. Who needs what others wait for already goes aside, untried."""
    concerned = [_aside.concerns(one.products) for one in group]
    free = [one for one, waits in zip(group, concerned, strict=True) if not waits]
    answers = iter(_place_free(free, terms, turns) if free else ())
    return [HeldUp() if waits else next(answers) for waits in concerned]


def _place_free(
    group: Sequence[_Asked], terms: Terms, turns: Turns
) -> Sequence[Placed | Exception]:
    answers = place_candidates(
        [one.candidate for one in group],
        terms=terms,
        # A repeat is told by what it asks for, so the moment may be that of the youngest.
        now=max(one.now for one in group),
        lock_wait=LOCK_WAIT,
        # Another process writes while this one's commit is on its way to the disk.
        before_commit=turns.give_back,
    )
    told = [_told(answers[0])] if len(group) == 1 else _try_failed_alone(group, answers, terms)
    waiting = [one for one, answer in zip(group, told, strict=True) if isinstance(answer, HeldUp)]
    if waiting:
        _aside.announce({product for one in waiting for product in one.products})
    return told


def _told(answer: Placed | Exception) -> Placed | Exception:
    waited = isinstance(answer, Error) and sqlstate(answer) == LOCK_NOT_AVAILABLE
    return HeldUp() if waited else answer


def _try_failed_alone(
    group: Sequence[_Asked], answers: Sequence[Placed | Exception], terms: Terms
) -> list[Placed | Exception]:
    """What failed for a group must fail only for whoever it is that it fails for."""
    told, held_up, trying = list(answers), set[int](), Stopwatch()
    for at, (one, answer) in enumerate(zip(group, answers, strict=True)):
        if not _is_worth_another_try(answer):
            continue
        if not held_up.isdisjoint(one.products):
            told[at] = HeldUp()
            continue
        asked = [one.placement]
        lock_wait = LOCK_WAIT_ALONE if trying.seconds < LOCK_WAIT else LOCK_WAIT_LATER
        (again,) = place_orders(asked, terms=terms, now=one.now, lock_wait=lock_wait)
        told[at] = _told(again)
        if isinstance(told[at], HeldUp):
            held_up |= one.products
    return told


def _is_worth_another_try(answer: Placed | Exception) -> bool:
    """A failure, not a refusal; and nothing of it is left, so that nothing is placed twice."""
    if not isinstance(answer, Exception) or isinstance(answer, DomainError):
        return False
    return database.undid(answer)
