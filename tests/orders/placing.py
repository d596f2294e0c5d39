"""Places batches as `place_order` does, without its queue."""

from collections.abc import Sequence
from datetime import datetime

from larder.orders.services.placing.place_batch import place_batch
from larder.orders.services.placing.placement import Placed, Placement, Terms, candidate


def place_orders(
    placements: Sequence[Placement], *, terms: Terms, now: datetime
) -> list[Placed | Exception]:
    """Prepares and places a batch, as `place_batch` does."""
    return place_batch([candidate(one) for one in placements], terms=terms, now=now)
