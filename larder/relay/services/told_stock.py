"""Compares the stock of products with what was told last."""

from collections.abc import Sequence
from datetime import datetime

from larder.core.ids import new_id
from larder.db import database
from larder.inventory.queries import StockState
from larder.relay import sql
from larder.relay.channels import Event

TYPES = {
    ("back", "low"): "stock.low",
    ("back", "out"): "stock.out",
    ("low", "out"): "stock.out",
    ("out", "low"): "stock.back",
    ("out", "back"): "stock.back",
}
"""The events by the former state of a product and the new one."""


def changes(states: Sequence[StockState], *, now: datetime) -> list[Event]:
    """Returns an event for each product on sale whose state is another than the one told last, and
    remembers it; the first one of a product is remembered alone. Must run within the transaction
    that tells them."""
    on_sale = {state.product: state.state for state in states if state.on_sale}
    values = {"products": [*on_sale], "states": [*on_sale.values()]}
    return [
        Event(new_id(), TYPES[former, state], str(product), now, None, {})
        for product, former, state in database.rows(sql.TELL_STOCK, values)
        if (former, state) in TYPES
    ]
