"""What the lists of the admin count and filter.

Lists stay fast with a million rows: rows beyond MAX_LISTED_ROWS are neither counted nor listed.
They are filtered by their filters alone.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import Paginator
from unfold.views import ChangeList

from larder.core.limits import MAX_LISTED_ROWS


class ListPaginator(Paginator):  # type: ignore[type-arg]
    """Counts up to MAX_LISTED_ROWS: a full count of a large table takes longer than its page."""

    template_name = "staff/pagination.html"
    limit = MAX_LISTED_ROWS

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: self.limit].count())


class ListPage(ChangeList):  # type: ignore[misc]
    """A list that shows the number of matching rows, but not the number of all rows."""

    def get_filters_params(self, params: Any = None) -> Any:
        """Raises IncorrectLookupParameters, which shows the list without filters."""
        found = super().get_filters_params(params)
        if any("\0" in "".join(values) for values in found.values()):
            raise IncorrectLookupParameters
        return found

    def get_results(self, request: Any) -> None:
        super().get_results(request)
        if not (self.query or self.has_active_filters):
            self.full_result_count = self.result_count


def filter_parameters(model: Any, filters: Iterable[Any]) -> frozenset[str]:
    """Returns the parameters that the filters of a list (`list_filter`) have."""
    return frozenset(name for one in filters for name in _parameters(model, one))


def _parameters(model: Any, one: Any) -> Iterator[str]:
    if isinstance(one, type):
        yield str(one.parameter_name)  # type: ignore[attr-defined]
        return
    name = one if isinstance(one, str) else one[0]
    field = model._meta.get_field(name)
    yield f"{name}__{field.target_field.name}__exact" if field.is_relation else f"{name}__exact"
    yield f"{name}__isnull"
