"""Many concurrent rounds of writing and reading, with a replica that lags."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep

import pytest

from tests.latency import lowest
from tests.system.replica.conftest import Phone, Shop
from tests.system.replica.standby import delayed

ROUNDS = 20
PHONES = 4
LAG = 0.1

pytestmark = pytest.mark.timeout(180)


def order_and_look(phone: Phone, jam: int) -> int:
    """How often a phone does not find what it has just ordered, at once and a moment later."""
    missed, placed = 0, []
    for number in range(ROUNDS):
        placed.append(phone.order(jam))
        sleep(0.003 * (number % 5))
        phone.server.hang_up()
        missed += phone("GET", f"orders/{placed[-1]}").status != 200
        phone.server.hang_up()
        page = phone("GET", "orders?limit=1").body["results"]
        missed += [row["id"] for row in page] != placed[-1:]
    return missed


Crowd = list[tuple[Phone, int]]


def crowd_of(shop: Shop, **kind: bool) -> Crowd:
    """Returns customers, each with a separate product."""
    return [(shop.phone(**kind), shop.product(stock=1_000)) for _ in range(PHONES)]


def sum_of(crowd: Crowd, act: Callable[[Phone, int], int]) -> int:
    """Returns the sum of what the customers find, who act at once."""
    with ThreadPoolExecutor(PHONES) as threads:
        return sum(threads.map(lambda arguments: act(*arguments), crowd))


def in_a_crowd(shop: Shop, act: Callable[[Phone, int], int], **kind: bool) -> int:
    """Returns the sum of what the customers of a new crowd find."""
    return sum_of(crowd_of(shop, **kind), act)


@pytest.mark.parametrize("milliseconds", [0, 20])
def test_clients_that_send_the_position_see_their_writes(shop: Shop, milliseconds: int) -> None:
    with delayed(shop.replica, milliseconds):
        assert in_a_crowd(shop, order_and_look) == 0


def test_reads_without_a_position_use_the_primary_for_own_data(shop: Shop) -> None:
    with delayed(shop.replica, 50):
        assert in_a_crowd(shop, order_and_look, echoes=False) == 0


def order_and_list(phone: Phone, jam: int) -> int:
    """How often the list shows more than one's own last order has left."""
    missed = 0
    for number in range(1, ROUNDS + 1):
        phone.order(jam)
        for _ in range(2):
            phone.server.hang_up()
            (listed,) = phone("GET", f"products?ids={jam}").body["results"]
            missed += listed["quantity"] != 1_000 - number
    return missed


def test_the_list_shows_the_stock_after_the_own_order(shop: Shop) -> None:
    with delayed(shop.replica, 20):
        assert in_a_crowd(shop, order_and_list) == 0


def adjust_and_look(phone: Phone, jam: int) -> int:
    """How often staff see stock that is older than what they have just booked."""
    missed = 0
    for number in range(1, ROUNDS + 1):
        body = {"reason": "received", "lines": [{"product": jam, "delta": 1}]}
        assert phone("POST", "stock/adjustments", body).status == 201
        for path in (f"products/{jam}", f"products?ids={jam}", f"stock?products={jam}"):
            phone.server.hang_up()
            shown = phone("GET", path).body
            shown = shown.get("results", [shown])[0]
            missed += shown["quantity"] != 1_000 + number
    return missed


@pytest.mark.parametrize("echoes", [True, False])
def test_staff_never_see_stock_older_than_their_writes(shop: Shop, echoes: bool) -> None:
    with delayed(shop.replica, 50):
        assert in_a_crowd(shop, adjust_and_look, echoes=echoes, is_staff=True) == 0


def longest_lag(writer: Phone, reader: Phone, jam: int) -> float:
    """Returns the longest time, in seconds, after an order of the writer after which a request of
    the reader began that still showed the stock before it. Looks no further after a second."""
    worst, left = 0.0, 1_000
    while left > 1_000 - ROUNDS and worst < 1:
        writer.order(jam)
        left, ordered = left - 1, monotonic()
        while worst < 1:
            asked = monotonic()
            listed = reader("GET", f"products?ids={jam}").body["results"]
            if [row["quantity"] for row in listed] == [left]:
                break
            worst = max(worst, asked - ordered)
    return worst


def test_changes_of_others_are_in_the_list_after_a_tenth_of_a_second(shop: Shop) -> None:
    def lag() -> float:
        return longest_lag(shop.phone(), shop.phone(), shop.product(stock=1_000))

    with delayed(shop.replica, 40):
        assert lowest(lag, LAG) <= LAG
