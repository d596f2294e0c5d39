"""Tells the refunds that are due, each amount once."""

from uuid import UUID

from larder.db import database
from larder.orders.sql import payments as sql


def tell_refunds(*, limit: int) -> list[tuple[UUID, str, bool, int | None]]:
    """Returns up to `limit` refunds whose amount is not the one that was told last, and notes it as
    told: the order, the currency, whether it is more, and the customer; None of an abandoned id.
    Must run within a transaction, which tells them."""
    return database.rows(sql.TELL_REFUNDS, [limit])
