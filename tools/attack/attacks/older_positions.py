"""Reads an order at a second server with the position that the app has, on a late replica."""

from __future__ import annotations

from uuid import uuid4

from tools.attack.target import Person, Target, require
from tools.local_postgres.standby import standby

ITEM = 18
TITLE = "Positions of earlier writes"
PROMISE = "A customer's own order is found at every server, whichever API answered the write."
LATE = {"recovery_min_apply_delay": "60ms"}
"""Later than a write and its reading, and not too late to be read from."""


def attack(target: Target, *, full: bool) -> str:
    """Return how many orders were found; raises Broken."""
    orders = 60 if full else 15
    folder = target.folder / "standby"
    with standby(target.cluster, folder, settings=LATE) as replica:
        options = {"REPLICA_URLS": replica.app_url()}
        with (
            target.server(options, workers=1) as writer,
            target.server(options, workers=1) as reader,
        ):
            who, jam = target.customer(), target.product(stock=1_000)
            position = _placed_by_v1(writer, who, jam)[1]
            found = 0
            for _ in range(orders):
                # The reader has just found out what the replica has.
                _read(reader, who, "orders", position)
                id, sent = _placed_by_contract_1(writer, who, jam)
                position = sent or position
                status = _read(reader, who, f"orders/{id}", position)
                require(
                    status == 200, f"after {found} orders one of the customer's own was {status}"
                )
                found += 1
    return f"{found} of {orders} orders found at the second server"


def _placed_by_v1(target: Target, who: Person, jam: int) -> tuple[str, str]:
    body = {"lines": [{"product": jam, "quantity": 1}]}
    made = target.call("POST", "orders", body, token=who.access)
    require(made.status == 201, f"an order was answered {made.status}")
    return str(made.body["id"]), made.headers["larder-position"]


def _placed_by_contract_1(target: Target, who: Person, jam: int) -> tuple[str, str | None]:
    id, body = str(uuid4()), {"products": [{"id": jam, "quantity": 1}]}
    made = target.call("POST", f"/api/orders/{id}/", body, token=who.access)
    require(made.status == 201, f"an order of contract 1 was answered {made.status}")
    return id, made.headers.get("larder-position")


def _read(target: Target, who: Person, path: str, position: str) -> int:
    headers = {"Larder-Position": position}
    return target.call("GET", path, token=who.access, headers=headers).status
