"""Changes orders of 1,000 lines again and again, with many accounts."""

from __future__ import annotations

import time
from itertools import cycle

from tools.attack.load import Call, repeated
from tools.attack.target import Target, require

ITEM = 5
TITLE = "Changes of large orders"
PROMISE = (
    "While 20 accounts change orders of 1,000 lines, staff pack and customers cancel other orders."
)

ACCOUNTS, LINES = 20, 1_000
SECONDS = 8.0
LONGEST = 4.0
PLENTY = """
SELECT id FROM catalog.product JOIN inventory.stock ON product_id = id
WHERE available >= 100 AND max_per_order IS NULL AND min_quantity = 1 AND step = 1
ORDER BY id LIMIT %s
"""


def attack(target: Target, *, full: bool) -> str:
    """Return how many orders were packed and cancelled beside; raises Broken."""
    staff, who = target.staff(), target.customer().access
    product = target.product(stock=1_000_000)
    products = [id for (id,) in target.sql(PLENTY, [LINES])]
    require(len(products) == LINES, f"there are only {len(products)} products to order")
    changes = [_changes(target, products) for _ in range(ACCOUNTS)]
    slowest, moved = 0.0, 0
    with repeated(changes, pause=0.0):
        until = time.monotonic() + SECONDS * (3 if full else 1)
        while time.monotonic() < until:
            for move, token in (("pack", staff), ("cancel", who)):
                order = _place(target, [product], who)
                began = time.monotonic()
                status = target.call("POST", f"orders/{order}/{move}", token=token).status
                slowest = max(slowest, time.monotonic() - began)
                require(status == 200, f"{move} of another order was answered {status}")
                moved += 1
    require(slowest < LONGEST, f"a move of another order took {slowest:.1f} s")
    return f"{moved} other orders packed or cancelled, the slowest in {slowest:.1f} s"


def _changes(target: Target, products: list[int]) -> Call:
    """Place an order of a separate account; return a call that changes all its quantities."""
    who, units = target.customer().access, cycle([2, 1])
    order = _place(target, products, who)

    def change() -> int:
        lines = {"lines": _lines(products, next(units))}
        return target.call("PATCH", f"orders/{order}", lines, token=who).status

    return change


def _place(target: Target, products: list[int], who: str) -> str:
    reply = target.call("POST", "orders", {"lines": _lines(products, 1)}, token=who)
    require(reply.status == 201, f"an order was answered {reply.status}")
    return str(reply.body["id"])


def _lines(products: list[int], units: int) -> list[dict[str, int]]:
    return [{"product": product, "quantity": units} for product in products]
