"""One of several workers tells events, and another when it ends."""

import os
from collections.abc import Callable
from contextlib import ExitStack

import psycopg
import pytest

from larder.relay.models import Delivery
from larder.worker import relay
from tests.conftest import Person
from tests.orders.holding import order
from tests.relay.listening import Listener, started
from tools.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

LEADERS = """
SELECT pid FROM pg_locks
WHERE locktype = 'advisory' AND classid = 11 AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def leaders() -> list[int]:
    with psycopg.connect(os.environ["DATABASE_URL"]) as session:
        return [pid for (pid,) in session.execute(LEADERS)]


def sent(number: int) -> bool:
    return Delivery.objects.filter(is_sent=True).count() == number


def test_one_worker_tells_and_another_when_its_session_is_lost(
    person: Callable[..., Person], product: Callable[..., int]
) -> None:
    who, jam = person(), product()
    started(Listener())
    with ExitStack() as workers:
        for _ in range(2):
            workers.enter_context(relay.running([Listener(types=["order.placed"])]))
        assert wait_until(lambda: len(leaders()) == 1)
        order(who, (jam, 1))
        assert wait_until(lambda: sent(1))
        (leader,) = leaders()
        with psycopg.connect(os.environ["LARDER_TEST_SUPERUSER_URL"]) as session:
            session.execute("SELECT pg_terminate_backend(%s)", [leader])
        assert wait_until(lambda: len(leaders()) == 1 and leaders() != [leader])
        order(who, (jam, 1))
        assert wait_until(lambda: sent(2))
    assert Delivery.objects.count() == 2
    assert wait_until(lambda: leaders() == [])
