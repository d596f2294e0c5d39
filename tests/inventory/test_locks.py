"""Few transactions of a process move stock outside of the batches of orders."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest
from django.db import connections

from larder.core import waits
from larder.core.clock import Stopwatch
from larder.core.errors import Overloaded
from larder.inventory.services import movements
from tests.tiers import LONGEST
from tools.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def moving(times: int, *, by_staff: bool) -> Iterator[list[bool]]:
    """Runs threads that move stock until the block ends, each for another account or all for this
    one.

    Yields a list with True for each that has begun and False for each that was refused.
    """
    begun: list[bool] = []
    ends = Event()

    def move() -> None:
        try:
            with movements.moving_stock(by_staff=by_staff):
                begun.append(True)
                ends.wait(LONGEST)
        except Overloaded:
            begun.append(False)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        for _ in range(times):
            pool.submit(move)
        try:
            yield begun
        finally:
            ends.set()


def test_moves_of_customers_leave_a_place_for_staff() -> None:
    with moving(24, by_staff=False) as begun:
        assert wait_until(lambda: begun.count(False) >= 5)
        running = Stopwatch()
        with movements.moving_stock(by_staff=True):
            assert running.seconds < waits.LONGEST_WAIT / 2
