"""Customers who order at the same time, and the results of their orders."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from django.db import connections

from larder.db import database
from larder.orders.decision import RequestedLine
from larder.orders.models import Order
from larder.orders.services import batches
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import Placed, Placement, Terms
from larder.orders.sql import writes
from tests.conftest import Person
from tests.database import superuser_url
from tools.processes import wait_until

GBP = Terms(currency="GBP")
LOCK = "SELECT FROM inventory.stock WHERE product_id = %s FOR UPDATE"


@dataclass
class Crowd:
    """Customers who order at the same time. No batch begins until `opens` is called."""

    who: Person
    now: datetime
    pool: ThreadPoolExecutor
    opens: Callable[[], object]
    sent: list[Future[Placed]] = field(default_factory=list)

    def order(self, product: int, units: int = 1, **details: Any) -> Future[Placed]:
        """Sends an order, and returns when it waits behind the others."""
        queue = batches._server[0].queue
        before = queue._present
        sent = self.send(product, units, **details)
        assert wait_until(lambda: queue._present > before or sent.done())
        return sent

    def send(self, product: int, units: int = 1, **details: Any) -> Future[Placed]:
        """Sends an order."""
        asked = self.placement(product, units, **details)
        self.sent.append(self.pool.submit(self._place, asked))
        return self.sent[-1]

    def placement(self, product: int, units: int, **details: Any) -> Placement:
        """Returns the request for an order."""
        return Placement(
            customer=self.who.id,
            actor=self.who.customer.public_id,
            operation="POST /api/v1/orders",
            **{"lines": [RequestedLine(product, units)], **details},
        )

    def _place(self, asked: Placement) -> Placed:
        try:
            return place_order(asked, terms=GBP, now=self.now)
        finally:
            connections.close_all()


@contextmanager
def held(product: int) -> Iterator[Callable[[], None]]:
    """A transaction holds the product's stock until it is released."""
    # The application's role may not be idle in a transaction for so long.
    with psycopg.connect(superuser_url()) as other:
        other.execute(LOCK, [product])
        yield other.rollback


@contextmanager
def turn_held() -> Iterator[Callable[[], None]]:
    """Another server has the turn of placing until it is released."""
    with psycopg.connect(superuser_url()) as other:
        other.execute(writes.TURN)
        yield other.rollback


def orders() -> int:
    """Returns the number of placed orders."""
    return Order.objects.count()


def transactions() -> int:
    """Returns the number of transactions that placed them."""
    (row,) = database.rows('SELECT count(DISTINCT xmin::text) FROM "order"')
    return int(row[0])
