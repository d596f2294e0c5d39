"""The batch queue: each request gets its result, and no failure is shared."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from random import Random
from threading import Event, Lock, get_ident
from time import monotonic, sleep
from unittest.mock import Mock

import pytest

from larder.core import batch_queue
from larder.core.batch_queue import MAX_YIELDS, BatchQueue, Limits
from larder.core.errors import NotFound, Overloaded
from tests.tiers import LONGEST
from tools.processes import wait_until

PATIENT = Limits(queue_timeout=30, fail_fast_after=30)


@dataclass
class Doubler:
    """Doubles the numbers of a batch; waits while `open` is not set."""

    batches: list[list[int]] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    open: Event = field(default_factory=Event)
    begun: Event = field(default_factory=Event)

    def run(self, batch: Sequence[int]) -> list[int | Exception]:
        """Returns twice of each; 0 is refused, 13 fails the whole batch."""
        self.batches.append(list(batch))
        self.threads.append(get_ident())
        self.begun.set()
        assert self.open.wait(LONGEST)
        if 13 in batch:
            raise LookupError("thirteen")
        return [NotFound() if one == 0 else 2 * one for one in batch]


@contextmanager
def busy(
    doubler: Doubler, limits: Limits = PATIENT
) -> Iterator[tuple[BatchQueue[int, int], "Submit"]]:
    """Yields a queue whose first batch (of 1 alone) runs, and a function that queues a request."""
    queue: BatchQueue[int, int] = BatchQueue(doubler.run, limits)
    with ThreadPoolExecutor(64) as pool:

        def ask(number: int, lines: int = 1) -> Future[int]:
            waiting = len(queue._waiting)
            answer = pool.submit(queue.submit, number, lines=lines)
            assert wait_until(lambda: len(queue._waiting) > waiting or answer.done())
            return answer

        pool.submit(queue.submit, 1)
        assert doubler.begun.wait(LONGEST)
        try:
            yield queue, ask
        finally:
            doubler.open.set()


Submit = Callable[..., "Future[int]"]


@pytest.mark.parametrize("seconds", [LONGEST, 0.05])
def test_queues_with_one_turn_run_one_batch_at_a_time_unless_it_takes_long(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(batch_queue, "LOCK_WAIT", seconds)
    lock, one, two = Lock(), Doubler(), Doubler()
    two.open.set()
    queues: list[BatchQueue[int, int]] = [
        BatchQueue(doubler.run, PATIENT, lock=lock) for doubler in (one, two)
    ]
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(queues[0].submit, 1)
        assert one.begun.wait(LONGEST)
        second = pool.submit(queues[1].submit, 2)
        try:
            begun = two.begun.wait(0.5 if seconds == LONGEST else LONGEST)
        finally:
            one.open.set()
        assert begun == (seconds != LONGEST)
        assert (first.result(LONGEST), second.result(LONGEST)) == (2, 4)


def test_a_single_request_runs_at_once_in_its_own_thread() -> None:
    doubler = Doubler()
    doubler.open.set()
    queue: BatchQueue[int, int] = BatchQueue(doubler.run, PATIENT)
    assert [queue.submit(4), queue.submit(5)] == [8, 10]
    assert (doubler.batches, doubler.threads) == ([[4], [5]], [get_ident()] * 2)


def test_ready_threads_join_the_batch_of_the_leader(monkeypatch: pytest.MonkeyPatch) -> None:
    doubler = Doubler()
    doubler.open.set()
    queue: BatchQueue[int, int] = BatchQueue(doubler.run, PATIENT)
    coming = [5, 6]
    with ThreadPoolExecutor(2) as pool:

        def others_run(*_: object) -> None:
            waiting = len(queue._waiting)
            if coming:
                pool.submit(queue.submit, coming.pop(0))
                assert wait_until(lambda: len(queue._waiting) > waiting)

        monkeypatch.setattr(os, "sched_yield", others_run)
        assert queue.submit(4) == 8
    assert doubler.batches == [[4, 5, 6]]


def test_a_leader_begins_although_requests_keep_arriving(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    doubler = Doubler()
    doubler.open.set()
    queue: BatchQueue[int, int] = BatchQueue(doubler.run, PATIENT)
    with ThreadPoolExecutor(MAX_YIELDS + 1) as pool:

        def one_more_comes(*_: object) -> None:
            waiting = len(queue._waiting)
            pool.submit(queue.submit, 2)
            assert wait_until(lambda: len(queue._waiting) > waiting)

        monkeypatch.setattr(os, "sched_yield", one_more_comes)
        assert queue.submit(4) == 8
    assert doubler.batches == [[4, *[2] * MAX_YIELDS]]


def test_a_leader_that_ends_while_others_join_leaves_no_request_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue: BatchQueue[int, int] = BatchQueue(list, PATIENT)
    monkeypatch.setattr(os, "sched_yield", Mock(side_effect=SystemExit))
    with pytest.raises(SystemExit):
        queue.submit(1)
    monkeypatch.undo()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(queue.submit, 2).result(LONGEST) == 2


def test_requests_that_arrive_during_a_batch_form_the_next_batch_in_order() -> None:
    doubler = Doubler()
    with busy(doubler) as (_, ask):
        asked = [ask(number) for number in (7, 3, 9)]
        doubler.open.set()
        assert [one.result(LONGEST) for one in asked] == [14, 6, 18]
    assert doubler.batches == [[1], [7, 3, 9]]


def test_a_refusal_is_raised_in_the_thread_of_its_request_only() -> None:
    doubler = Doubler()
    with busy(doubler) as (_, ask):
        asked = [ask(number) for number in (7, 0, 9)]
        doubler.open.set()
        assert [asked[0].result(LONGEST), asked[2].result(LONGEST)] == [14, 18]
        with pytest.raises(NotFound):
            asked[1].result(LONGEST)


def test_a_failure_affects_only_its_own_batch() -> None:
    doubler = Doubler()
    with busy(doubler, Limits(max_batch_size=2, queue_timeout=30, fail_fast_after=30)) as (_, ask):
        asked = [ask(number) for number in (13, 3, 9)]
        doubler.open.set()
        raised = [asked[0].exception(30), asked[1].exception(30)]
        assert [str(one) for one in raised] == ["thirteen", "thirteen"]
        assert raised[0] is not raised[1]
        assert asked[2].result(LONGEST) == 18


def test_an_exception_that_cannot_be_copied_reaches_each_request_of_the_batch() -> None:
    class Awkward(Exception):
        def __init__(self, *, why: str) -> None:
            self.why = why

    class Failing(Doubler):
        def run(self, batch: Sequence[int]) -> list[int | Exception]:
            if super().run(batch) and 7 in batch:
                raise Awkward(why="so")
            return [1 for _ in batch]

    doubler = Failing()
    with busy(doubler) as (_, ask):
        asked = [ask(number) for number in (7, 3)]
        doubler.open.set()
        assert [type(one.exception(30)) for one in asked] == [Awkward, Awkward]


def test_a_leader_that_ends_leaves_no_request_waiting() -> None:
    ended = Event()

    class Ending(Doubler):
        def run(self, batch: Sequence[int]) -> list[int | Exception]:
            answers = super().run(batch)
            if 7 in batch and not ended.is_set():
                ended.set()
                raise SystemExit
            return answers

    doubler = Ending()
    with busy(doubler, Limits(max_batch_size=2, queue_timeout=30)) as (_, ask):
        asked = [ask(number) for number in (7, 3, 9)]
        doubler.open.set()
        assert isinstance(asked[0].exception(30), SystemExit)
        assert isinstance(asked[1].exception(30), Overloaded)
        assert asked[2].result(LONGEST) == 18


def test_too_few_results_fail_the_batch() -> None:
    queue: BatchQueue[int, int] = BatchQueue(lambda batch: batch[1:], PATIENT)
    with pytest.raises(ValueError, match="shorter"):
        queue.submit(1)


@pytest.mark.parametrize(
    ("limits", "batches"),
    [
        (Limits(max_batch_size=2, queue_timeout=30), [[1], [2, 3], [4, 5], [6]]),
        (Limits(max_batch_lines=10, queue_timeout=30), [[1], [2, 3, 4], [5], [6]]),
    ],
)
def test_batches_are_limited_in_requests_and_in_lines(
    limits: Limits, batches: list[list[int]]
) -> None:
    """A request with more lines than a batch may have forms a separate batch, in order."""
    doubler = Doubler()
    with busy(doubler, limits) as (_, ask):
        requests = {2: 3, 3: 3, 4: 4, 5: 99, 6: 1}
        asked = [ask(number, lines) for number, lines in requests.items()]
        doubler.open.set()
        assert [one.result(LONGEST) for one in asked] == [4, 6, 8, 10, 12]
    assert doubler.batches == batches


def test_a_full_queue_refuses_at_once_and_runs_nothing() -> None:
    doubler = Doubler()
    with busy(doubler, Limits(queue_capacity=2, queue_timeout=30)) as (queue, ask):
        asked = [ask(2), ask(3)]
        with pytest.raises(Overloaded):
            queue.submit(4)
        doubler.open.set()
        assert [one.result(LONGEST) for one in asked] == [4, 6]
        assert queue.submit(4) == 8
    assert 4 in doubler.batches[-1]


def test_a_request_that_waits_too_long_is_refused_and_never_run() -> None:
    doubler = Doubler()
    with busy(doubler, Limits(queue_timeout=1)) as (queue, ask):
        began = monotonic()
        assert isinstance(ask(2).exception(30), Overloaded)
        assert 1 <= monotonic() - began < 6
        assert not queue._waiting
        doubler.open.set()
        assert wait_until(lambda: not queue._is_led)
        assert queue.submit(3) == 6
    assert doubler.batches == [[1], [3]]


def test_a_request_past_its_timeout_is_dropped_before_its_batch_begins() -> None:
    """Its thread still waits when the leader takes the request."""
    doubler = Doubler()
    doubler.open.set()
    queue: BatchQueue[int, int] = BatchQueue(doubler.run, Limits(queue_timeout=-1))
    with pytest.raises(Overloaded):
        queue.submit(1)
    assert doubler.batches == []
    assert not queue._is_led


def test_the_result_of_a_request_in_a_batch_that_hangs_is_unknown() -> None:
    doubler = Doubler()
    with busy(doubler, Limits(queue_timeout=1, batch_timeout=0.2)) as (queue, ask):
        taken = ask(2)
        with queue._mutex:
            queue._waiting.clear()
        assert isinstance(taken.exception(30), RuntimeError)


def test_a_failed_batch_also_fails_the_requests_that_waited_long() -> None:
    doubler = Doubler()
    limits = Limits(max_batch_size=1, queue_timeout=120, fail_fast_after=30)
    with busy(doubler, limits) as (queue, ask):
        first, second = ask(13), ask(2)
        for one in queue._waiting:
            one.waiting._began -= 60
        third = ask(3)
        doubler.open.set()
        assert str(first.exception(30)) == str(second.exception(30)) == "thirteen"
        assert third.result(LONGEST) == 6
    assert doubler.batches == [[1], [13], [3]]


def test_under_load_each_request_is_run_once_one_batch_at_a_time() -> None:
    chance, running = Random(5), Lock()  # noqa: S311
    done: list[int] = []

    def run(batch: Sequence[int]) -> list[int | Exception]:
        assert running.acquire(blocking=False), "two batches at once"
        sleep(chance.random() / 500)
        done.extend(batch)
        running.release()
        if len(batch) > 1 and batch[0] % 50 == 0:
            raise LookupError("now and then")
        return [2 * one for one in batch]

    queue: BatchQueue[int, int] = BatchQueue(run, replace(PATIENT, max_batch_size=5))

    def customer(number: int) -> int:
        served = 0
        for asked in range(number * 100, number * 100 + 100):
            with suppress(LookupError):
                assert queue.submit(asked) == 2 * asked
            served += 1
        return served

    with ThreadPoolExecutor(24) as pool:
        assert sum(pool.map(customer, range(24))) == 2400
    assert sorted(done) == list(range(2400))
    assert not queue._waiting
    assert not queue._is_led
