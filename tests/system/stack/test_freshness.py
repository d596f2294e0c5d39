"""A customer sees an order at once, at any server and any database."""

import http.client
import re
from collections.abc import Callable
from time import monotonic, sleep

import pytest

from tests.conftest import Person
from tests.system.race.shops import PASSWORD
from tests.system.stack.front_door import FrontDoor, order
from tools.processes import wait_until
from tools.stack import Stack

MakePerson = Callable[[], Person]
MakeProduct = Callable[[int], int]
ROUNDS, LOOKS = 20, 4
LAG = 0.1
"""Seconds that a server may be behind what another one wrote (DESIGN, freshness)."""


@pytest.fixture
def token(front: FrontDoor, customer: MakePerson) -> str:
    """An account's."""
    return front.token(customer().customer.username, PASSWORD)


def listed(front: FrontDoor, token: str, jam: int, position: str = "") -> int:
    """The quantity of a product on a page that other customers may have requested before."""
    headers = {"Larder-Position": position} if position else {}
    page = front.call("GET", f"products?ids={jam}", token=token, headers=headers)
    return int(page.body["results"][0]["quantity"])


def test_an_own_order_is_in_the_list_of_both_servers_within_a_tenth_of_a_second(
    front: FrontDoor, token: str, product: MakeProduct
) -> None:
    jam = product(ROUNDS)
    for left in reversed(range(ROUNDS)):
        for _ in range(LOOKS):
            listed(front, token, jam)
        order(front, token, jam)
        placed_at = monotonic()
        for _ in range(LOOKS):
            asked_at = monotonic()
            quantity = listed(front, token, jam)
            assert quantity == left or asked_at - placed_at < LAG
        sleep(max(0.0, placed_at + LAG - monotonic()))
        assert [listed(front, token, jam) for _ in range(LOOKS)] == [left] * LOOKS


def read_by_replicas(stack: Stack) -> float:
    """Readings that replicas have answered since the servers started."""
    secret = (stack.folder / "secrets" / "metrics_token").read_text()
    found = 0.0
    for name in ("app1", "app2"):
        server = http.client.HTTPConnection(stack.addresses[name], 8000, timeout=10)
        server.request("GET", "/metrics", headers={"Authorization": f"Bearer {secret}"})
        answers = server.getresponse().read().decode()
        server.close()
        counts = re.findall(r'^larder_reads_total\{by="replica"\} (\S+)', answers, re.MULTILINE)
        found += sum(map(float, counts))
    return found


def test_an_order_with_its_position_is_in_the_list_at_once_also_from_replicas(
    stack: Stack, front: FrontDoor, token: str, product: MakeProduct
) -> None:
    jam, before = product(ROUNDS), read_by_replicas(stack)
    for left in reversed(range(ROUNDS)):
        for _ in range(LOOKS):
            listed(front, token, jam)
        placed, position = order(front, token, jam)
        assert [listed(front, token, jam, position) for _ in range(LOOKS)] == [left] * LOOKS
        for _ in range(LOOKS):
            headers = {"Larder-Position": position}
            history = front.call("GET", "orders?limit=1", token=token, headers=headers)
            assert history.body["results"][0]["id"] == placed
    assert wait_until(lambda: read_by_replicas(stack) > before, 30)
