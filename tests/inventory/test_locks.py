"""Stock rows that another transaction keeps locked are found without locking any."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from threading import Event
from time import monotonic, sleep
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, connections, transaction

from larder.core import per_key
from larder.core.errors import Overloaded
from larder.core.ids import SYSTEM_ACTOR
from larder.core.per_key import Limit, RunningPerKey
from larder.core.stopwatch import Stopwatch
from larder.db import database, leases
from larder.inventory.models import Stock
from larder.inventory.services import locks
from tests.database import lock_is_awaited
from tests.latency import lowest
from tests.orders.crowd import held
from tests.tiers import LONGEST
from tools.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
OTHER = UUID(int=91)


def test_locked_rows_are_found_and_unknown_products_are_not(product: Callable[..., int]) -> None:
    made = [product() for _ in range(4)]
    with held(made[1]), held(made[3]):
        free = Stock.objects.select_for_update(skip_locked=True).filter(product_id__in=made)
        with transaction.atomic():
            expected = set(made) - set(free.values_list("product_id", flat=True))
        assert locks.find_locked([*made, 10**12]) == sorted(expected) == [made[1], made[3]]
        assert locks.find_locked([]) == []
    assert locks.find_locked(made) == []


def test_a_briefly_locked_row_is_not_reported(
    product: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    brief, kept = product(), product()
    monkeypatch.setattr(locks, "EACH_WAIT", 2.0)
    monkeypatch.setattr(locks, "ALL_WAITS", 4.0)
    with ThreadPoolExecutor(1) as pool, held(kept), held(brief) as let_go:
        finding = pool.submit(finds, [brief, kept])
        assert wait_until(lock_is_awaited)
        let_go()
        assert finding.result(LONGEST) == [kept]


def finds(products: list[int]) -> list[int]:
    """Returns what a thread with a separate connection finds."""
    try:
        return locks.find_contended(products)
    finally:
        connections.close_all()


def test_many_locked_rows_are_found_in_bounded_time(
    product: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [product() for _ in range(12)]
    monkeypatch.setattr(locks, "EACH_WAIT", 1.0)
    with ExitStack() as others:
        for one in made[:10]:
            others.enter_context(held(one))
        running = Stopwatch()
        assert locks.find_contended(made) == made[:10]
    # Without a bound it would be ten times EACH_WAIT.
    assert running.seconds < 5


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


@contextmanager
def moving(
    times: int, *, by_staff: bool, lines: int = 1, account: UUID | None = None
) -> Iterator[list[bool]]:
    """Runs threads that move stock until the block ends, each for another account or all for this
    one.

    Yields a list with True for each that has begun and False for each that was refused.
    """
    begun: list[bool] = []
    ends = Event()

    def move() -> None:
        who = account or uuid4()
        try:
            with locks.moving_stock(by_staff=by_staff, account=who, lines=lines):
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


def test_large_moves_of_customers_leave_a_place_for_small_ones() -> None:
    with moving(8, by_staff=False, lines=locks.LARGE_MOVE) as begun:
        assert wait_until(lambda: begun.count(False) == 5 and begun.count(True) == 1)
        running = Stopwatch()
        with locks.moving_stock(by_staff=False, lines=locks.LARGE_MOVE - 1):
            assert running.seconds < per_key.LONGEST_WAIT / 2


@pytest.mark.parametrize("lines", [1, locks.LARGE_MOVE])
def test_moves_of_customers_leave_a_place_for_staff(lines: int) -> None:
    with moving(24, by_staff=False, lines=lines) as begun:
        assert wait_until(lambda: begun.count(False) >= 5)
        running = Stopwatch()
        with locks.moving_stock(by_staff=True, lines=1_000):
            assert running.seconds < per_key.LONGEST_WAIT / 2


def test_large_moves_of_staff_run_one_at_a_time_and_leave_a_place_for_small_ones() -> None:
    with moving(4, by_staff=True, lines=locks.LARGE_MOVE) as begun:
        assert not wait_until(lambda: len(begun) > 1, 0.5)
        running = Stopwatch()
        with locks.moving_stock(by_staff=True, lines=locks.LARGE_MOVE - 1):
            assert running.seconds < per_key.LONGEST_WAIT / 2


def in_another_process(patch: pytest.MonkeyPatch) -> None:
    """Replaces what the threads of a process share."""
    patch.setattr(locks, "_large", RunningPerKey())
    patch.setattr(locks, "_of_staff", replace(locks._of_staff, large=Limit(), all=Limit()))


def test_large_moves_of_staff_run_one_at_a_time_in_all_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases, "LONGEST_WAIT", 0.5)
    with moving(1, by_staff=True, lines=locks.LARGE_MOVE) as begun:
        assert wait_until(lambda: begun == [True])
        in_another_process(monkeypatch)
        with moving(1, by_staff=True, lines=locks.LARGE_MOVE) as others:
            assert wait_until(lambda: others == [False])
        with locks.moving_stock(by_staff=True, lines=locks.LARGE_MOVE - 1):
            pass


def test_large_changes_of_a_customer_run_one_at_a_time_in_all_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases, "LONGEST_WAIT", 0.5)
    large = partial(moving, 1, by_staff=False, lines=locks.LARGE_MOVE)
    with large(account=OTHER) as begun:
        assert wait_until(lambda: begun == [True])
        monkeypatch.setattr(locks, "_large", RunningPerKey())
        monkeypatch.setattr(locks, "_of_customers", locks._Limits(["all"], ["large"]))
        with large(account=OTHER) as again, large() as others:
            assert wait_until(lambda: (again, others) == ([False], [True]))


@pytest.mark.parametrize("is_apart", [False, True])
def test_a_large_move_of_staff_is_next_after_one_of_another_account(
    is_apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account of the first move has another one that waits, in this process or in another."""
    began: dict[str, float] = {}

    def move(name: str, account: UUID, seconds: float) -> None:
        try:
            with locks.moving_stock(by_staff=True, account=account, lines=locks.LARGE_MOVE):
                began[name] = monotonic()
                sleep(seconds)
        finally:
            connections.close_all()

    def wait_of_the_other() -> float:
        began.clear()
        with ThreadPoolExecutor(3) as pool:
            first = pool.submit(move, "first", SYSTEM_ACTOR, 2.0)
            assert wait_until(lambda: "first" in began)
            moves = [first, pool.submit(move, "again", SYSTEM_ACTOR, 0)]
            if is_apart:
                sleep(0.2)
                in_another_process(monkeypatch)
            moves.append(pool.submit(move, "other", OTHER, 0))
            for one in moves:
                one.result(LONGEST)
        ended = began["first"] + 2.0
        assert ended + 0.95 < began["other"] < began["again"]
        assert ended + 1.9 < began["again"]
        return began["other"] - ended

    assert lowest(wait_of_the_other, 1.9) < 1.9


def test_a_large_move_of_staff_that_waits_for_its_lease_has_no_place_of_the_small_ones() -> None:
    assert locks._of_staff.lease is not None
    with (
        leases.lease(locks._of_staff.lease),
        moving(1, by_staff=True, lines=locks.LARGE_MOVE) as large,
    ):
        assert wait_until(lambda: locks._of_staff.large._free == 0)
        with moving(2, by_staff=True) as small:
            assert wait_until(lambda: small == [True, True])
        assert large == []


def test_moves_of_one_member_of_staff_wait_in_separate_places() -> None:
    with moving(24, by_staff=False) as customers:
        assert wait_until(lambda: customers.count(False) >= 5)
        with moving(6, by_staff=True) as staff:
            assert not wait_until(lambda: len(staff) > 2, 0.5)
            assert staff == [True, True]
