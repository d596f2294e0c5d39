"""How orders form batches with a limited number of lines."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import pytest

from larder.orders.decision import Wanted
from larder.orders.services.placing import place_order as placing
from tests.conftest import Person
from tests.orders.crowd import Crowd, orders, transactions, turn_held
from tests.tiers import LONGEST

MakeProduct = Callable[..., int]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def own_queue(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Gives the test a separate queue that uses the settings of the test."""
    monkeypatch.setattr(placing, "_is_server", [True])
    monkeypatch.setattr(placing, "_queues", {})
    return monkeypatch


def test_a_batch_has_a_limit_of_lines(
    person: Callable[..., Person],
    product: MakeProduct,
    now: datetime,
    own_queue: pytest.MonkeyPatch,
) -> None:
    jam, tea = product(stock=10), product(stock=10)
    own_queue.setattr(placing, "LIMITS", replace(placing.LIMITS, max_batch_lines=4))
    own_queue.setattr(placing, "LOCK_WAIT", LONGEST)
    with ThreadPoolExecutor(16) as pool, turn_held() as opens:
        crowd = Crowd(person(), now, pool, opens)
        lines = [Wanted(jam, 1), Wanted(tea, 1)]
        sent = [crowd.order(jam, lines=lines) for _ in range(3)]
        opens()
        assert all(one.result(LONGEST).order.number for one in sent)
    assert (orders(), transactions()) == (3, 2)
