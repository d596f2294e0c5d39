"""Places batches as `place_order` does, without its queue."""

from collections.abc import Sequence
from datetime import datetime

from larder.orders.services.placing.place_batch import place_batch
from larder.orders.services.placing.placement import Placed, Placement, Terms, candidate


def place_orders(
    placements: Sequence[Placement], *, terms: Terms, now: datetime
) -> list[Placed | Exception]:
    """Prepares and places a batch, as `place_batch` does."""
    candidates = [candidate(one, now) for one in placements]
    place_batch(lambda: candidates, terms=terms)
    return [one.answer for one in candidates if one.answer is not None]
