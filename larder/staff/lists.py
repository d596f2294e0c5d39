"""What the lists of the admin count, show and filter, and what fields offer that search them.

Lists stay fast with a million rows: rows beyond MAX_LISTED_ROWS are neither counted nor listed.
They are filtered by their filters alone.
"""

from collections.abc import Sequence
from functools import cache, cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.widgets import AutocompleteMixin
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.lookups import DataContains
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.db.models import F, Func, IntegerField, QuerySet, TextField, Value
from django.db.models.lookups import GreaterThan
from django.utils.html import format_html
from django.utils.text import Truncator, capfirst
from unfold.utils import display_for_label
from unfold.views import ChangeList

from larder.catalog.search import indexed, spellings, words
from larder.core.limits import MAX_LISTED_ROWS
from larder.db.fields import Fold


def shop_zone() -> ZoneInfo:
    """Returns the time zone of the admin's days and times."""
    return ZoneInfo(settings.SHOP_TIME_ZONE)


class ListPaginator(Paginator):  # type: ignore[type-arg]
    """Counts up to MAX_LISTED_ROWS: a full count of a large table takes longer than its page."""

    template_name = "staff/pagination.html"
    limit = MAX_LISTED_ROWS

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[: self.limit].count())


_options = AutocompleteMixin.optgroups


def _options_of_ids(field: Any, name: str, value: Sequence[str], attr: Any = None) -> Any:
    """Returns the chosen rows of a field that searches, without values that can be no id. Django
    looks those up too, which fails while the page is rendered."""
    ids = [id for id in value if id.isdecimal() and len(id) < 20]
    return _options(field, name, ids, attr)


AutocompleteMixin.optgroups = _options_of_ids  # type: ignore[method-assign,assignment]


@cache
def label(value: str, variant: str) -> str:
    """Returns a value as a label in a colour of the theme."""
    shown = capfirst(value)
    return str(display_for_label(shown, "", {shown: variant}))


STOCK, CUSTOMERS, STAFF = ("stock", "all"), ("is_staff__exact", "0"), ("is_staff__exact", "1")
"""The filters of lists that are in the menu, each a list of its own: of products those with the
columns of the stock."""

UNKNOWN = "This list has no such filter."


class ListPage(ChangeList):  # type: ignore[misc]
    """A list that shows the number of matching rows, but not the number of all rows."""

    def get_filters(self, request: Any) -> Any:
        """Raises BadRequest for a parameter of no filter: Django would filter by any column."""
        try:
            filters = super().get_filters(request)
        except IncorrectLookupParameters as error:
            raise BadRequest(UNKNOWN) from error
        if filters[2]:
            raise BadRequest(UNKNOWN)
        return filters

    def get_results(self, request: Any) -> None:
        super().get_results(request)
        sent = {(name, *values) for name, values in self.get_filters_params().items()}
        self.has_active_filters = bool(sent - {STOCK, CUSTOMERS, STAFF})
        if not (self.query or self.has_active_filters):
            self.full_result_count = self.result_count


TRIGRAMS = ArrayField(TextField())


def with_words(rows: "QuerySet[Any]", text: Any, terms: Sequence[str]) -> "QuerySet[Any]":
    """Returns the rows whose folded text contains all words, checked row by row."""
    for word in terms:
        at = Func(text, Fold(Value(word)), function="strpos", output_field=IntegerField())
        rows = rows.filter(GreaterThan(at, 0))
    return rows


def with_trigrams(rows: "QuerySet[Any]", text: Any, terms: Sequence[str]) -> "QuerySet[Any]":
    """Returns the rows whose text may contain all words, by its index of trigrams. Short words are
    not looked up."""
    known = [_trigrams(Fold(Value(word))) for word in indexed(terms)]
    if not known:
        return rows
    every = Func(*known, template="(%(expressions)s)", arg_joiner=" || ", output_field=TRIGRAMS)
    return rows.filter(DataContains(_trigrams(text), every))


def containing(rows: "QuerySet[Any]", term: str, product: str = "") -> "QuerySet[Any]":
    """Returns the rows of the products with this barcode; if there are none, those whose product
    has all words of `term` in its name or SKU.

    `product` is the lookup from the rows to the product, such as "product__". The conditions are
    those of inventory's sql.EXACT, CONTAINS and has_trigrams.
    """
    barcode = {f"{product}barcode__in": spellings(term), f"{product}barcode__gt": ""}
    if term and rows.filter(**barcode).exists():
        return rows.filter(**barcode)
    text, terms = F(f"{product}search_text"), words(term)
    return with_trigrams(with_words(rows, text, terms), text, terms)


def _trigrams(text: Any) -> Func:
    return Func(text, function="trigrams", output_field=TRIGRAMS)


def in_brief(text: str | None) -> str:
    """Returns the beginning of a text for a cell of a list, or a dash."""
    brief = Truncator(text).chars(60) if text else "–"
    return format_html('<span class="breakable">{}</span>', brief)
