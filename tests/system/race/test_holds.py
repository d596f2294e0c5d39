"""Holds that end while another transaction waits for their product."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import sleep

import psycopg
import pytest
from django.db import connection, transaction

from larder.inventory.services import movements
from tests.conftest import Person
from tests.orders.holding import hold
from tests.system.race.interleaving import waits

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_hold_that_expires_during_a_lock_wait_is_released(
    person: Callable[..., Person], product: Callable[..., int]
) -> None:
    """The transaction begins before the expiry, and gets the lock after it."""
    jam = product(stock=5)
    hold(person(), (jam, 3), seconds=1)

    def available() -> int:
        try:
            with transaction.atomic():
                return movements.lock([jam])[jam].available
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, psycopg.connect(os.environ["DATABASE_URL"]) as keeper:
        keeper.execute("SELECT 1 FROM stock WHERE product_id = %s FOR UPDATE", [jam])
        waiting = pool.submit(available)
        assert waits(waiting, keeper.info.backend_pid)
        sleep(1.2)
        keeper.rollback()
        assert waiting.result(10) == 5
