"""Places batches as `place_order` does, without its queue."""

from collections.abc import Sequence
from datetime import datetime

from larder.orders.services.placing.place_batch import place_batch
from larder.orders.services.placing.placement import Placed, Placement, Terms, new_order


def place_orders(
    placements: Sequence[Placement], *, terms: Terms, now: datetime
) -> list[Placed | Exception]:
    """Prepares and places a batch, as `place_batch` does."""
    orders = [new_order(one, now) for one in placements]
    answers = place_batch(lambda: orders, terms=terms)
    return [answers[order] for order in orders]
