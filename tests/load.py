"""Loads of requests: repeated for the time of a block, or sent at a steady rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from time import monotonic, sleep

MOST_AT_ONCE = 64

Call = Callable[[], int]
"""Sends one request and returns the status."""


@contextmanager
def repeated(calls: Sequence[Call], *, pause: float) -> Iterator[Counter[int]]:
    """Make each call again and again for the time of the block, in a separate thread.

    Give the numbers of answers by status, complete at the end of the block. Raises what a call
    raises.
    """
    over, statuses = Event(), Counter[int]()

    def repeat(call: Call) -> None:
        while not over.wait(pause):
            statuses[call()] += 1

    with ThreadPoolExecutor(len(calls)) as clients:
        running = [clients.submit(repeat, call) for call in calls]
        try:
            yield statuses
        finally:
            over.set()
        for future in running:
            future.result()


def steady(
    calls: Sequence[Call], *, per_second: float, seconds: float
) -> tuple[list[float], Counter[int]]:
    """Make the calls one after the other at this rate, whether or not earlier ones were answered.

    Return how many seconds each answer took, counted from the moment at which the request was due,
    in the order of these moments, and the numbers of answers by status.
    """
    began = monotonic()

    def timed(call: Call, due: float) -> tuple[float, int]:
        status = call()
        return monotonic() - due, status

    with ThreadPoolExecutor(MOST_AT_ONCE) as clients:
        sent = []
        for number in range(round(per_second * seconds)):
            due = began + number / per_second
            sleep(max(0.0, due - monotonic()))
            sent.append(clients.submit(timed, calls[number % len(calls)], due))
    times, statuses = zip(*(future.result() for future in sent), strict=True)
    return list(times), Counter(statuses)
