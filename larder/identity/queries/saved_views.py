"""The saved views of lists of the admin."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from larder.core.errors import NotFound
from larder.core.limits import MAX_SHOWN_VIEWS
from larder.identity.models import SavedView


@dataclass(frozen=True, slots=True)
class SavedViewRow:
    """A view of the list `page`, such as `orders_order`. `query` are the parameters of its
    address."""

    id: int
    name: str
    query: str
    is_shared: bool
    is_own: bool


def views_of(page: str, customer: int) -> Sequence[SavedViewRow]:
    """Returns the own and the shared views of a list, by name: at most MAX_SHOWN_VIEWS."""
    seen = SavedView.objects.filter(Q(owner=customer) | Q(is_shared=True), page=page)
    rows = seen.order_by("name", "id")[:MAX_SHOWN_VIEWS]
    return [
        SavedViewRow(one.pk, one.name, one.query, one.is_shared, one.owner_id == customer)
        for one in rows
    ]


def own_view(page: str, view: int, customer: int) -> SavedViewRow:
    """Returns a view that the customer may change. Raises NotFound."""
    found = SavedView.objects.filter(page=page, id=view, owner=customer)
    row = found.values_list("id", "name", "query", "is_shared").first()
    if row is None:
        raise NotFound
    return SavedViewRow(*row, is_own=True)
