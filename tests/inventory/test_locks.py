"""Which stock rows another transaction keeps locked is found out without locking any."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from time import sleep

import pytest
from django.db import OperationalError, transaction

from larder.common import database
from larder.common.stopwatch import Stopwatch
from larder.inventory.models import Stock
from larder.inventory.services import locks
from tests.orders.crowd import held

pytestmark = pytest.mark.django_db(transaction=True)


def test_locked_rows_are_found_and_unknown_products_are_not(product: Callable[..., int]) -> None:
    made = [product() for _ in range(4)]
    with held(made[1]), held(made[3]):
        free = Stock.objects.select_for_update(skip_locked=True).filter(product_id__in=made)
        with transaction.atomic():
            expected = set(made) - set(free.values_list("product_id", flat=True))
        assert locks.find_locked([*made, 10**12]) == sorted(expected) == [made[1], made[3]]
        assert locks.find_locked([]) == []
    assert locks.find_locked(made) == []


def test_a_row_that_is_locked_for_a_moment_is_not_kept(product: Callable[..., int]) -> None:
    brief, kept = product(), product()

    def end(let_go: Callable[[], None]) -> None:
        sleep(locks.EACH_WAIT / 2)
        let_go()

    with ThreadPoolExecutor(1) as pool, held(kept), held(brief) as let_go:
        pool.submit(end, let_go)
        assert locks.find_kept([brief, kept]) == [kept]


def test_many_kept_rows_are_found_in_bounded_time(product: Callable[..., int]) -> None:
    made = [product() for _ in range(12)]
    with ExitStack() as others:
        for one in made[:10]:
            others.enter_context(held(one))
        running = Stopwatch()
        assert locks.find_kept(made) == made[:10]
    assert running.seconds < 2 * locks.ALL_WAITS


def test_a_wait_for_a_row_ends_after_its_limit_and_locks_nothing(
    product: Callable[..., int],
) -> None:
    jam = product()
    with held(jam):
        running = Stopwatch()
        with pytest.raises(OperationalError) as refused:
            locks.wait_until_free(jam, 0.2)
        assert 0.2 <= running.seconds < 2
    assert database.is_lock_timeout(refused.value)
    locks.wait_until_free(jam, 0.2)
    assert locks.find_locked([jam]) == []
