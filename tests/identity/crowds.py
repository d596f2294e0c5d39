"""Accounts with many log-ins, written by one statement."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from larder.db import database
from larder.identity.models import Session

OPEN = """
INSERT INTO session (id, customer_id, door, client, generation,
                     created_at, rotated_at, expires_at)
SELECT gen_random_uuid(), %s, 'v1', 'crowd', 0,
       %s, %s::timestamptz - place * interval '1 millisecond', %s
FROM generate_series(1, %s) AS place
"""


def open_sessions(customer: int, many: int, *, used: datetime | None = None) -> None:
    """Opens that many sessions of an account, each used a millisecond before the one before it."""
    moment = used or datetime.now(UTC)
    database.execute(OPEN, [customer, moment, moment, moment + timedelta(days=30), many])


def by_use(customer: int) -> list[UUID]:
    """Returns the valid sessions of an account, the least recently used first."""
    live = Session.objects.live(datetime.now(UTC)).filter(customer=customer)
    return list(live.order_by("rotated_at").values_list("id", flat=True))
