"""Lists of large orders at the earlier contracts."""

import time
from collections.abc import Callable
from datetime import datetime
from threading import Thread

import pytest

from larder.api.compat import large_answers
from larder.common.errors import Overloaded
from tests.api.compat.conftest import Door
from tests.conftest import Person
from tests.orders import large_orders

pytestmark = pytest.mark.django_db(transaction=True)
LISTS = ("/api/orders/", "/api/orders/orders/?limit=1000", "/orders/")


def test_a_list_of_large_orders_is_whole(
    person: Callable[..., Person], door: Callable[[Person], Door], now: datetime
) -> None:
    who = person()
    large_orders.fill(who, 6, now)
    for path in LISTS:
        body = door(who)("GET", path).body
        orders = body if isinstance(body, list) else body["results"]
        lines = ("products", "order_items", "orderedproduct_set")
        shown = [len(one[name]) for one in orders for name in lines if name in one]
        assert shown == [1_000] * 6


def test_few_requests_wait_for_a_large_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_answers, "LONGEST_WAIT", 1.0)
    refused = list[float]()

    def wait() -> None:
        began = time.monotonic()
        with pytest.raises(Overloaded), large_answers.one_at_a_time():
            pass
        refused.append(time.monotonic() - began)

    with large_answers.one_at_a_time():
        threads = [Thread(target=wait) for _ in range(large_answers.MOST_WAITING + 3)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert sum(one < 0.9 for one in refused) == 3
