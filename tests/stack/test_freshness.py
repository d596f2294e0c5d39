"""What one has just ordered is in the list, whichever server answers next."""

from collections.abc import Callable
from time import monotonic

from tests.conftest import Person
from tests.race.shops import PASSWORD
from tests.stack.front_door import FrontDoor

MakePerson = Callable[[], Person]
MakeProduct = Callable[[int], int]
ROUNDS = 20
LAG = 0.1
"""Seconds that a server may be behind what another one wrote (DESIGN, freshness)."""


def listed(front: FrontDoor, token: str, jam: int) -> int:
    """What a page says that others have asked for before."""
    (found,) = front.call("GET", f"products?ids={jam}", token=token).body["results"]
    return int(found["quantity"])


def test_ones_own_order_shows_in_the_list_at_both_servers_within_a_tenth_of_a_second(
    front: FrontDoor, customer: MakePerson, product: MakeProduct
) -> None:
    who, jam = customer(), product(ROUNDS)
    token = front.token(who.customer.username, PASSWORD)
    for left in reversed(range(ROUNDS)):
        for _ in range(4):
            listed(front, token, jam)
        lines = [{"product": jam, "quantity": 1}]
        assert front.call("POST", "orders", {"lines": lines}, token=token).status == 201
        placed_at = monotonic()
        for _ in range(4):
            asked_at = monotonic()
            quantity = listed(front, token, jam)
            assert quantity == left or asked_at - placed_at < LAG
        while monotonic() - placed_at < LAG:
            pass
        assert [listed(front, token, jam) for _ in range(4)] == [left] * 4
