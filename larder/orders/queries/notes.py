"""The notes of staff about an order."""

from uuid import UUID

from larder.core.parts import Part, first
from larder.identity.queries.notes import NoteView
from larder.orders.models import OrderNote


def latest_notes(order: UUID, *, limit: int) -> Part[NoteView]:
    """Returns the last `limit` notes about an order, newest first. `more` says whether there are
    earlier ones."""
    rows = OrderNote.objects.filter(order_id=order).order_by("-id")
    views = [NoteView(*row) for row in rows.values_list(*NoteView.__slots__)[: limit + 1]]
    return first(views, limit)
