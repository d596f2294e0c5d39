"""Every request that creates or moves something: how it is made, and how its effect is counted.

A new operation is one entry of REQUESTS.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from larder.db import database
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Reply, Server

STOCK = 10
ORDERED = 2


@dataclass
class Shop:
    """A server, a customer, staff, a product with STOCK units, and perhaps an order of it."""

    server: Server
    customer: Person
    staff: Person
    product: int
    order: str = ""

    def token(self, who: str) -> str | None:
        """Of the `customer`, of `staff`, or no token for "nobody"."""
        person = {"customer": self.customer, "staff": self.staff}.get(who)
        return token_for(person) if person else None

    def call(self, method: str, path: str, body: Any = None, *, who: str = "customer") -> Reply:
        """One request that has to succeed."""
        reply = self.server.call(method, path, body, token=self.token(who))
        assert reply.status in {200, 201, 204}, reply.body
        return reply

    def place(self) -> None:
        """Places the order."""
        lines = [{"product": self.product, "quantity": ORDERED}]
        self.order = self.call("POST", "orders", {"lines": lines}).body["id"]

    def move(self, *moves: str) -> None:
        """Places the order and moves it on."""
        self.place()
        for move in moves:
            self.call("POST", f"orders/{self.order}/{move}", who="staff")

    def fill_cart(self) -> None:
        """Puts the product into the customer's cart."""
        lines = [{"product": self.product, "quantity": ORDERED}]
        self.call("PUT", "cart", {"lines": lines})


Count = Callable[[Shop], int]


def rows(table: str, where: str = "true") -> Count:
    """Counts rows."""
    return lambda _: int(database.rows(f"SELECT count(*) FROM {table} WHERE {where}")[0][0])


MOVES = rows("order_event")


def keep(shop: Shop) -> None:
    """Needs nothing to be there."""


@dataclass(frozen=True)
class Asked:
    """A request by its path, which may name `{order}`, and how often it took effect.

    One that is not `keyed` takes no key: what it asks for is so, and the repeat finds it.
    `if_match` is the version that it was read in. `secret` names the members of the answer that are
    shown once and null in a repeat.
    """

    path: str
    effects: Count
    body: Callable[[Shop], Any] = lambda _: {}
    who: str = "customer"
    method: str = "POST"
    before: Callable[[Shop], None] = keep
    keyed: bool = True
    if_match: str = ""
    secret: tuple[str, ...] = ()
    media_type: str = "application/json"


def _lines(shop: Shop) -> list[dict[str, int]]:
    return [{"product": shop.product, "quantity": ORDERED}]


PLACED = rows('"order"', "placed_at IS NOT NULL")
BODIES: dict[str, Any] = {
    "register": {"username": "Ada Lovelace", "password": "a rather good one"},
    "product": {"sku": "LAMP", "name": "Lamp", "price": "12.50", "quantity": 3},
}

REQUESTS = {
    "place an order": Asked("orders", PLACED, body=lambda shop: {"lines": _lines(shop)}),
    "place an order for a customer": Asked(
        "orders",
        PLACED,
        body=lambda shop: {"lines": _lines(shop), "customer": shop.customer.id},
        who="staff",
    ),
    "submit the cart": Asked("cart/submit", PLACED, before=Shop.fill_cart),
    "change an order": Asked(
        "orders/{order}",
        MOVES,
        body=lambda shop: {
            "lines": [{"product": shop.product, "quantity": ORDERED + 1}],
            "note": "Ring twice.",
        },
        method="PATCH",
        before=Shop.place,
        keyed=False,
        if_match='"1-0"',
    ),
    "cancel": Asked("orders/{order}/cancel", MOVES, before=Shop.move),
    "pack": Asked("orders/{order}/pack", MOVES, who="staff", before=Shop.move),
    "ship": Asked("orders/{order}/ship", MOVES, who="staff", before=lambda shop: shop.move("pack")),
    "deliver": Asked(
        "orders/{order}/deliver",
        MOVES,
        who="staff",
        before=lambda shop: shop.move("pack", "ship"),
    ),
    "return": Asked(
        "orders/{order}/return",
        MOVES,
        body=lambda shop: {"lines": [{"product": shop.product, "quantity": 1}], "reason": "torn"},
        who="staff",
        before=lambda shop: shop.move("pack", "ship"),
    ),
    "adjust stock": Asked(
        "stock/adjustments",
        rows("ledger_entry", "cause = 'received'"),
        body=lambda shop: {
            "reason": "received",
            "lines": [{"product": shop.product, "delta": 5}],
        },
        who="staff",
    ),
    "register": Asked(
        "auth/register",
        rows("customer", "username = 'Ada Lovelace'"),
        body=lambda _: BODIES["register"],
        who="nobody",
    ),
    "create a product": Asked(
        "products", rows("product"), body=lambda _: BODIES["product"], who="staff"
    ),
    "import products": Asked(
        "products/import",
        rows("product"),
        body=lambda _: b"sku,name,price\nLAMP,Lamp,12.50\n",
        who="staff",
        media_type="text/csv",
    ),
    "create a category": Asked(
        "categories",
        rows("category"),
        body=lambda _: {"name": "Lanterns"},
        who="staff",
    ),
    "create a key": Asked("auth/keys", rows("key"), secret=("key",)),
    "keep an address": Asked("me/addresses", rows("address"), body=lambda _: {"label": "Home"}),
}
