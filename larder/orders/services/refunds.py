"""Tells the refunds that are due, each amount once."""

from typing import NamedTuple
from uuid import UUID

from larder.db import database
from larder.orders.sql import payments as sql


class RefundTold(NamedTuple):
    """A refund whose amount changed. `customer` is that of the order; None of an abandoned id."""

    order: UUID
    currency: str
    is_more: bool
    customer: int | None


def tell_refunds(*, limit: int) -> list[RefundTold]:
    """Returns up to `limit` refunds whose amount is not the one that was told last, and notes it as
    told. Must run within a transaction, which tells them."""
    return [RefundTold(*row) for row in database.rows(sql.TELL_REFUNDS, [limit])]
