"""The batch queue: each request gets its result, and no failure is shared."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from random import Random
from threading import Event, Lock
from time import monotonic, sleep

import pytest

from larder.core import telemetry
from larder.core.batch_queue import BatchQueue, Limits, Take
from larder.core.errors import NotFound, Overloaded
from tests.tiers import LONGEST
from tools.processes import wait_until

PATIENT = Limits(queue_timeout=30, fail_fast_after=30)


def queue_of(
    run: Callable[[Sequence[int]], Sequence[int | Exception]],
    limits: Limits,
) -> BatchQueue[int, int]:
    """A queue whose batches get the results that a function returns."""

    def take_and_run(take: Take[int, int]) -> None:
        batch = take()
        results = run([each.request for each in batch]) if batch else []
        for queued, result in zip(batch, results, strict=True):
            queue.resolve(queued, result)

    queue: BatchQueue[int, int] = BatchQueue(take_and_run, limits)
    return queue


@dataclass
class Doubler:
    """Doubles the numbers of a batch; waits while `open` is not set."""

    batches: list[list[int]] = field(default_factory=list)
    open: Event = field(default_factory=Event)
    begun: Event = field(default_factory=Event)

    def run(self, batch: Sequence[int]) -> list[int | Exception]:
        """Returns twice of each; 0 is refused, 13 fails the whole batch."""
        self.batches.append(list(batch))
        self.begun.set()
        assert self.open.wait(LONGEST)
        if 13 in batch:
            raise LookupError("thirteen")
        return [NotFound() if number == 0 else 2 * number for number in batch]


@contextmanager
def busy(
    doubler: Doubler, limits: Limits = PATIENT
) -> Iterator[tuple[BatchQueue[int, int], "Submit"]]:
    """Yields a queue whose first batch (of 1 alone) runs, and a function that queues a request."""
    queue = queue_of(doubler.run, limits)
    with ThreadPoolExecutor(64) as pool:

        def ask(number: int, lines: int = 1) -> Future[int]:
            waiting = queue._arrived.qsize()
            answer = pool.submit(queue.submit, number, lines=lines)
            assert wait_until(lambda: queue._arrived.qsize() > waiting or answer.done())
            return answer

        pool.submit(queue.submit, 1)
        assert doubler.begun.wait(LONGEST)
        try:
            yield queue, ask
        finally:
            doubler.open.set()


Submit = Callable[..., "Future[int]"]


def test_requests_that_arrive_during_a_batch_form_the_next_batch_in_order() -> None:
    doubler = Doubler()
    with busy(doubler) as (_, ask):
        asked = [ask(number) for number in (7, 3, 0, 9)]
        doubler.open.set()
        answers = [future.exception(LONGEST) or future.result() for future in asked]
        assert [*answers[:2], answers[3]] == [14, 6, 18]
        assert isinstance(answers[2], NotFound)
    assert doubler.batches == [[1], [7, 3, 0, 9]]


def test_a_failure_affects_only_its_own_batch() -> None:
    doubler = Doubler()
    with busy(doubler, replace(PATIENT, max_batch_size=2)) as (_, ask):
        asked = [ask(number) for number in (13, 3, 9)]
        doubler.open.set()
        raised = [asked[0].exception(30), asked[1].exception(30)]
        assert [str(error) for error in raised] == ["thirteen", "thirteen"]
        assert raised[0] is not raised[1]
        assert asked[2].result(LONGEST) == 18


def test_a_failure_before_a_batch_is_taken_fails_the_requests_that_wait() -> None:
    def fail(take: Take[int, int]) -> None:
        raise LookupError("no connection")

    queue: BatchQueue[int, int] = BatchQueue(fail, PATIENT)
    with pytest.raises(LookupError):
        queue.submit(1)
    assert not queue._present


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
        assert [type(future.exception(30)) for future in asked] == [Awkward, Awkward]


def test_requests_that_rejoin_are_before_those_that_came_later() -> None:
    batches: list[list[int]] = []

    def run(take: Take[int, int]) -> None:
        batch = list(take())
        batches.append([each.request for each in batch])
        if len(batches) == 1:
            queue.put(9, lambda _: None)
            queue.put_back(batch[0])
            queue.again(batch)
        else:
            for queued in batch:
                queue.resolve(queued, 2 * queued.request)

    queue: BatchQueue[int, int] = BatchQueue(run, PATIENT)
    assert queue.submit(4) == 8
    assert batches == [[4], [4, 9]]


@pytest.mark.parametrize(
    ("limits", "batches"),
    [
        (replace(PATIENT, max_batch_size=2), [[1], [2, 3], [4, 5], [6]]),
        (replace(PATIENT, max_batch_lines=10), [[1], [2, 3, 4], [5], [6]]),
    ],
)
def test_batches_are_limited_in_requests_and_in_lines(
    limits: Limits, batches: list[list[int]]
) -> None:
    doubler = Doubler()
    with busy(doubler, limits) as (_, ask):
        requests = {2: 3, 3: 3, 4: 4, 5: 99, 6: 1}
        asked = [ask(number, lines) for number, lines in requests.items()]
        doubler.open.set()
        assert [future.result(LONGEST) for future in asked] == [4, 6, 8, 10, 12]
    assert doubler.batches == batches


@pytest.mark.parametrize("limits", [{"queue_capacity": 3}, {"queue_lines": 3}])
def test_a_full_queue_refuses_at_once_and_runs_nothing(limits: dict[str, int]) -> None:
    doubler = Doubler()
    with busy(doubler, replace(PATIENT, **limits)) as (queue, ask):
        asked = [ask(2), ask(3)]
        with pytest.raises(Overloaded):
            queue.submit(4)
        doubler.open.set()
        assert [future.result(LONGEST) for future in asked] == [4, 6]
        assert queue.submit(4) == 8
    assert 4 in doubler.batches[-1]


def test_a_request_that_waits_too_long_is_refused_and_never_run() -> None:
    doubler = Doubler()
    with busy(doubler, Limits(queue_timeout=1)) as (queue, ask):
        began = monotonic()
        assert isinstance(ask(2).exception(30), Overloaded)
        assert 1 <= monotonic() - began < 6
        doubler.open.set()
        assert queue.submit(3) == 6
    assert doubler.batches == [[1], [3]]


def test_a_request_past_its_timeout_is_dropped_before_its_batch_begins() -> None:
    doubler = Doubler()
    doubler.open.set()
    queue = queue_of(doubler.run, Limits(queue_timeout=-1))
    with pytest.raises(Overloaded):
        queue.submit(1)
    assert doubler.batches == []


def test_the_result_of_a_request_in_a_batch_that_hangs_is_unknown() -> None:
    doubler = Doubler()
    with busy(doubler, Limits(queue_timeout=1, batch_timeout=0.2)) as (queue, ask):
        taken = ask(2)
        queue._next_batch()
        assert isinstance(taken.exception(30), RuntimeError)


def test_a_failed_batch_also_fails_the_requests_that_waited_long() -> None:
    doubler = Doubler()
    limits = Limits(max_batch_size=1, queue_timeout=120, fail_fast_after=30)
    with busy(doubler, limits) as (queue, ask):
        first = ask(13)
        second = queue.put(2, lambda _: None)
        second.waiting._began -= 60
        third = ask(3)
        doubler.open.set()
        assert str(first.exception(30)) == "thirteen"
        assert third.result(LONGEST) == 6
        assert str(second.result) == "thirteen"
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
        return [2 * each for each in batch]

    queue = queue_of(run, replace(PATIENT, max_batch_size=5))

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
    assert not queue._present


def test_a_batch_is_reported_once_with_every_result() -> None:
    telemetry.batches.clear()
    refusal = NotFound()
    queue = queue_of(lambda _: [refusal], Limits())
    with pytest.raises(NotFound):
        queue.submit(1)
    assert wait_until(lambda: bool(telemetry.batches))
    (batch,) = telemetry.batches
    assert (len(batch.waited), list(batch.results), batch.waiting) == (1, [refusal], 0)
    # Seconds, and no smaller unit.
    assert 0 <= batch.waited[0] < 60
    assert 0 <= batch.seconds < 60


@pytest.mark.parametrize(
    ("limits", "reason"), [(Limits(queue_capacity=0), "full"), (Limits(queue_timeout=-1), "late")]
)
def test_a_request_that_was_not_tried_is_reported_with_the_reason(
    limits: Limits, reason: str
) -> None:
    telemetry.batches.clear()
    telemetry.orders_rejected.clear()
    queue = queue_of(list, limits)
    with pytest.raises(Overloaded):
        queue.submit(1)
    assert [*telemetry.orders_rejected, *telemetry.batches] == [reason]
