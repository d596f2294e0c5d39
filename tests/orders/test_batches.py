"""How orders form batches with a limited number of lines."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import pytest

from larder.orders.decision import Wanted
from larder.orders.services import batches
from tests.conftest import Person
from tests.orders.crowd import GBP, Crowd, orders, transactions, turn_held
from tests.tiers import LONGEST

MakeProduct = Callable[..., int]

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_batch_has_a_limit_of_lines(
    person: Callable[..., Person],
    product: MakeProduct,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jam, tea = product(stock=10), product(stock=10)
    monkeypatch.setattr(batches, "LIMITS", replace(batches.LIMITS, max_batch_lines=4))
    monkeypatch.setattr(batches, "LOCK_WAIT", LONGEST)
    batches.start(GBP)
    with ThreadPoolExecutor(16) as pool, turn_held() as opens:
        crowd = Crowd(person(), now, pool, opens)
        lines = [Wanted(jam, 1), Wanted(tea, 1)]
        sent = [crowd.order(jam, lines=lines) for _ in range(3)]
        opens()
        assert all(one.result(LONGEST).order.number for one in sent)
    assert (orders(), transactions()) == (3, 2)
