"""Compares the stock of products with what was told last."""

from collections.abc import Sequence
from datetime import datetime

from larder.core.ids import new_id
from larder.inventory.queries import StockState, stock_states_after
from larder.relay.channels import Event
from larder.relay.models import ToldStock

BACK, LOW, OUT = "back", "low", "out"

PAGE = 5_000
"""Products of one statement of `remember_all`."""


def changes(states: Sequence[StockState], *, now: datetime) -> list[Event]:
    """Returns an event for each product on sale whose state is another than the one told last, and
    remembers it. Must run within the transaction that tells them.

    What is low again after it was out is back. A new product is out without being told.
    """
    rows = ToldStock.objects.filter(product__in=[state.product for state in states])
    told = dict(rows.values_list("product", "state"))
    changed = [
        state for state in states if state.on_sale and state.state != told.get(state.product, BACK)
    ]
    _remember(changed)
    events = []
    for state in changed:
        was = told.get(state.product, BACK)
        if not state.is_new and (was, state.state) != (LOW, BACK):
            type = "stock.back" if was == OUT else f"stock.{state.state}"
            events.append(Event(new_id(), type, str(state.product), now, None, {}))
    return events


def remember_all() -> None:
    """Remembers the state of all products as told."""
    last = 0
    while page := stock_states_after(last, limit=PAGE):
        _remember([state for state in page if state.on_sale])
        last = page[-1].product


def _remember(states: Sequence[StockState]) -> None:
    ToldStock.objects.bulk_create(
        [ToldStock(product=state.product, state=state.state) for state in states],
        update_conflicts=True,
        update_fields=["state"],
        unique_fields=["product"],
    )
