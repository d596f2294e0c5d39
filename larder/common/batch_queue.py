"""Group commit: what threads ask for while a transaction runs goes together into the next one.

A transaction for each request is bound by commits and by the locks it holds until its commit is
on disk. So requests wait here, and one transaction does what all of them ask. An idle server
adds no waiting: who finds nothing running leads at once, as a group of one. Only threads that could
run already run first, and join. On a busy one a leader may wait for as many as came lately
(larder/common/company.py), and where processes take turns, one whose last group was of several
waits for its turn (larder/common/turnstile.py); both say how long.

Source of the idea: group commit of database logs (DeWitt et al., "Implementation techniques for
main memory database systems", 1984); TigerBeetle batches its transfers likewise.
"""

import copy
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

from larder.common import waits
from larder.common.company import Company
from larder.common.errors import Overloaded
from larder.common.postgresql import commits
from larder.common.postgresql.errors import CommitUnknown
from larder.common.stopwatch import Stopwatch
from larder.common.telemetry import Group, Observer, Observers
from larder.common.turnstile import Turns

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


MOST_YIELDS = 8
"""How often a leader lets others run before it begins, as long as each time somebody joins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much goes together, and how long anything waits.

    `entries` and `weight` bound a group (one entry that is heavier than all that goes alone),
    `waiting` the queue. `patience` is how many seconds an entry may wait for its turn, and
    `outage_patience` after how many it does not try again what has just failed for others.
    `company` is how many seconds may lie between the beginnings of two groups, at most, if the
    second waits for as many as the last ones had; with 0 it waits for nobody. A group of `several`
    is followed by one that waits for this process's turn, if there are turns.
    """

    entries: int = 128
    weight: int = 2_000
    waiting: int = 1_000
    patience: float = 5.0
    outage_patience: float = 1.0
    company: float = 0.0
    several: int = 2


def _closed() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, eq=False)
class _Entry(Generic[Asked, Answer]):
    """What one thread asks for. `turn` opens when it is answered, or when it is to lead. `waited`
    says for how many seconds once its group begins; None as long as it is in none. `commits` is how
    many transactions its group committed."""

    asked: Asked
    weight: int
    waiting: Stopwatch = field(default_factory=Stopwatch)
    turn: Lock = field(default_factory=_closed)
    leads: bool = False
    waited: float | None = None
    answer: Answer | Exception | None = None
    commits: int = 0


class GroupCommit(Generic[Asked, Answer]):
    """Runs groups of what the threads of this process ask for, one group at a time.

    `run` is called with one group at a time, in the order its members came, in the thread of one
    of them. It returns an answer for each, in the same order: an Exception is raised in the
    thread that asked, and concerns no other. What `run` itself raises, all of the group get.

    There is no thread of its own. The first to come leads: it takes what waits, runs it, hands
    the lead to the first of those who came meanwhile, and wakes the others. So everybody leads
    once at most, is served in the order of coming, and who follows waits for a lock that is opened,
    never by looking again and again.

    `observe` is told of each group, by its leader when all others have their answers, and of
    everybody who was refused without being run.

    With `turns` the processes of a server run their groups one after the other, as long as groups
    are of several: while one runs, the other's next group grows. Who comes alone to a process
    where the last ones came alone waits for no turn.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Asked]], Sequence[Answer | Exception]],
        limits: Limits,
        observe: Observer | None = None,
        turns: Turns | None = None,
    ) -> None:
        self._run = run
        self._limits = limits
        self._observe = observe or Observers()
        self._turns = turns or Turns()
        self._company = Company(limits.company)
        self._expected = 0
        self._complete = _closed()
        self._mutex = Lock()
        self._waiting: deque[_Entry[Asked, Answer]] = deque()
        self._led = False

    @property
    def is_busy(self) -> bool:
        """Whether who asks now most likely waits, and holds up what they hold."""
        return self._led

    def ask(self, asked: Asked, *, weight: int = 1) -> Answer:
        """The answer, as soon as the group it went into is done. Raises what the answer is.

        Raises Overloaded, with nothing done, when too many wait, it has waited too long, or the
        thread that ran its group was ended before a commit; CommitUnknown if that was later.
        """
        # Here, and not where it waits: once it has joined, others count on it.
        waits.check()
        entry: _Entry[Asked, Answer] = _Entry(asked, weight)
        try:
            leads = self._join(entry)
        except Overloaded:
            self._observe.refused("full")
            raise
        if not leads:
            self._wait(entry)
        if entry.leads:
            self._lead(entry)
        if isinstance(entry.answer, Exception):
            raise entry.answer
        commits.add(entry.commits)
        return entry.answer  # type: ignore[return-value]

    def _join(self, entry: _Entry[Asked, Answer]) -> bool:
        """Whether nothing runs, so that this one leads."""
        with self._mutex:
            if len(self._waiting) >= self._limits.waiting:
                raise Overloaded
            self._waiting.append(entry)
            if 0 < self._expected <= len(self._waiting):
                self._expected = 0
                self._complete.release()
            entry.leads, self._led = not self._led, True
            return entry.leads

    def _wait(self, entry: _Entry[Asked, Answer]) -> None:
        """Until it is answered or leads. What a group has taken is not given up any more: it
        may have been done, and its time is bounded by the limits of the transaction."""
        if not waits.acquire(entry.turn, self._limits.patience) and not self._gave_up(entry):
            waits.acquire(entry.turn)

    def _gave_up(self, entry: _Entry[Asked, Answer]) -> bool:
        with self._mutex:
            if entry.leads or entry not in self._waiting:
                return False
            self._waiting.remove(entry)
        entry.answer = Overloaded()
        self._observe.refused("late")
        return True

    def _lead(self, leader: _Entry[Asked, Answer]) -> None:
        done: list[_Entry[Asked, Answer]] = []
        running = Stopwatch()
        try:
            self._wait_for_company()
            with self._turns.turn(wait=self._company.last >= self._limits.several):
                self._let_join()
                running = Stopwatch()
                done += self._take()
                self._answer(done)
        finally:
            seconds = running.seconds
            self._company.ended(seconds)
            # The next group goes to the database while the answers of this one are written.
            self._hand_over(leader)
            for entry in done:
                entry.turn.release()
            self._tell(done, seconds)

    def _wait_for_company(self) -> None:
        """Until as many are there as lately, or it would take too long."""
        seconds = self._company.seconds
        if seconds <= 0:
            return
        with self._mutex:
            expected = self._company.expected
            if len(self._waiting) >= expected:
                return
            self._expected, self._complete = expected, _closed()
        waits.acquire(self._complete, seconds)
        self._expected = 0

    def _let_join(self) -> None:
        """Lets those run that could, and are about to ask.

        A thread that leads has the interpreter and a core. Were it to go on, it would take along
        who is there already, and those behind it would come as one group more: of 16 customers
        at once that costs PostgreSQL an eighth more for each order, of 4 a quarter. Where nobody
        else could run, it returns at once (1 µs).
        """
        here = 0
        for _ in range(MOST_YIELDS):
            if len(self._waiting) <= here:
                return
            here = len(self._waiting)
            # Of the core, and of the interpreter.
            os.sched_yield()

    def _tell(self, done: Sequence[_Entry[Asked, Answer]], seconds: float) -> None:
        ran = [(one.waited, one.answer) for one in done if one.waited is not None]
        if ran:
            waited, answers = zip(*ran, strict=True)
            self._observe.group_done(Group(waited, answers, seconds, len(self._waiting)))
        for _ in range(len(done) - len(ran)):
            self._observe.refused("late")

    def _take(self) -> list[_Entry[Asked, Answer]]:
        """The group: who came first, as far as the limits go, without who came too long ago."""
        with self._mutex:
            taken = list(self._within_limits())
        self._company.began(len(taken))
        for entry in taken:
            waited = entry.waiting.seconds
            if waited > self._limits.patience:
                entry.answer = Overloaded()
            else:
                entry.waited = waited
        return taken

    def _within_limits(self) -> Iterator[_Entry[Asked, Answer]]:
        weight = 0
        for _ in range(self._limits.entries):
            if not self._waiting:
                return
            weight += self._waiting[0].weight
            if weight > self._limits.weight and weight > self._waiting[0].weight:
                return
            yield self._waiting.popleft()

    def _answer(self, done: list[_Entry[Asked, Answer]]) -> None:
        """Leaves an answer with every entry, whatever happens to this thread.

        Who waits and is answered with them is added to `done`.
        """
        group = [one for one in done if one.answer is None]
        before = commits.count()
        try:
            answers = self._run([one.asked for one in group]) if group else []
            for entry, answer in zip(group, answers, strict=True):
                entry.answer = answer
        except Exception as error:
            tired = self._leave_after_failure()
            done += tired
            _fail([*group, *tired], error)
        except BaseException:
            undone = commits.count() == before
            _fail(group, Overloaded() if undone else CommitUnknown("a thread was ended"))
            raise
        finally:
            made = commits.count() - before
            commits.restart(before)
            for entry in group:
                entry.commits = made

    def _leave_after_failure(self) -> list[_Entry[Asked, Answer]]:
        """Those who have waited so long that a second failure would come too late for them.

        With the database away each try takes as long as a connection is waited for, and who has
        waited for one try would then wait for another.
        """
        with self._mutex:
            tired = [
                one for one in self._waiting if one.waiting.seconds > self._limits.outage_patience
            ]
            for entry in tired:
                self._waiting.remove(entry)
        return tired

    def _hand_over(self, leader: _Entry[Asked, Answer]) -> None:
        with self._mutex:
            if self._waiting and self._waiting[0] is leader:
                # It was ended before it took its group, and would be handed the lead again.
                self._waiting.popleft()
            self._led = bool(self._waiting)
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].turn.release()


def _fail(entries: Iterable[_Entry[Asked, Answer]], error: Exception) -> None:
    for entry in entries:
        entry.answer = _copied(error)


def _copied(error: Exception) -> Exception:
    """One exception raised in several threads would collect the tracebacks of all."""
    try:
        made = copy.copy(error)
    except Exception:
        # Not every exception can be made from its `args`.
        return error
    made.__cause__ = error.__cause__
    return made
