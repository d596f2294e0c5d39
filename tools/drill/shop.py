"""What a drill sells, and to whom: made through the API, like any account's."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from tools.replay.clients import Account, expect, persist
from tools.replay.shop import greet, register
from tools.replay.wire import Line, Request

PLENTY = 1_000_000
SCARCE = 40
PRODUCTS = 8
SCARCE_PRODUCTS = 3


@dataclass(frozen=True)
class Product:
    """A product of this drill."""

    id: int
    price: Decimal
    opening: int

    @property
    def scarce(self) -> bool:
        """Whether it is sold out soon, and filled up now and then."""
        return self.opening == SCARCE


@dataclass(frozen=True)
class Stage:
    """A drill's products and people; `run` begins every key and reference."""

    run: str
    base_url: str
    staff: Account
    customers: Sequence[Account]
    products: Sequence[Product]


def set_stage(base_url: str, staff: Account, *, customers: int, random: Random) -> Stage:
    """Add the products with their stock and register the customers, one more for the probes."""
    run = secrets.token_hex(3)
    with Line(base_url) as line:
        greet(line)
        products = [add(line, staff, run, number, random) for number in range(PRODUCTS)]
        names = [f"{run} {number}" for number in range(customers + 1)]
        people = [register(line, Account(name, secrets.token_hex(12))) for name in names]
    return Stage(run, base_url, staff, people, products)


def add(line: Line, staff: Account, run: str, number: int, random: Random) -> Product:
    """Add one product; the first are scarce."""
    price = Decimal(random.randint(1, 5_000)) / 100
    opening = SCARCE if number < SCARCE_PRODUCTS else PLENTY
    body: dict[str, Any] = {
        "sku": f"{run}-{number}",
        "name": f"Drill {run} {number}",
        "price": str(price),
        "quantity": opening,
    }
    request = Request("POST", "products", body, staff.token(line), key=secrets.token_hex(8))
    answer = expect(persist(line, request), 201, f"adding product {body['sku']}")
    return Product(answer.body["id"], price, opening)
