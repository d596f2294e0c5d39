"""What the lists of the admin count, show and filter, and what fields offer that search them.

Lists stay fast with a million rows: rows beyond MAX_LISTED_ROWS are neither counted nor listed.
They are filtered by their filters alone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import quote
from django.contrib.admin.widgets import AutocompleteMixin
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.lookups import DataContains
from django.core.paginator import Paginator
from django.db.models import (
    BooleanField,
    DateField,
    ForeignKey,
    Func,
    IntegerField,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.lookups import GreaterThan
from django.urls import reverse
from django.utils.html import conditional_escape, escape, format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import get_language, gettext
from unfold.admin import checkbox
from unfold.contrib.filters.admin import RangeDateFilter, RangeNumericFilter
from unfold.templatetags import unfold_list
from unfold.utils import display_for_field, display_for_label, display_for_value
from unfold.views import ChangeList

from larder.catalog.search import indexed
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
        return int(rows.order_by()[: self.limit].count())


_CHECKBOX = "action_checkbox"
_KEY = "key-of-the-row"


def _rows(page: Any) -> Iterator[unfold_list.UnfoldResultList]:
    """Yields the rows of a list. The theme finds each column, its classes and the address of its
    link again for each cell, which took half of a list's time."""
    headers = unfold_list.result_headers(page)
    cells = [_cell(page, *column) for column in zip(page.list_display, headers, strict=True)]
    for row in page.result_list:
        yield unfold_list.UnfoldResultList(row, None, [cell(row) for cell in cells])


unfold_list.results = _rows


def _cell(page: Any, name: str, header: Mapping[str, Any]) -> Callable[[Any], SafeString]:
    """Returns what makes the cells of a column from the objects of the rows."""
    field = {one.name: one for one in page.lookup_opts.concrete_fields}.get(name)
    shown = _shown(page, name, field)
    tag, classes, title = "td", [f"field-{name}", *unfold_list.ROW_CLASSES], header["text"]
    before, after = SafeString(), ""
    if name == _CHECKBOX:
        classes, title = unfold_list.CHECKBOX_CLASSES, gettext("Select record")
        before = _checkbox(str(get_language()))
    elif name in page.list_display_links:
        tag = "th" if name == page.list_display_links[0] else "td"
        before, after = _link(page), "</a>"
    if isinstance(field, DateField | ForeignKey):
        classes = [*classes, "nowrap"]
    opening = (tag, " ".join(classes), title, before)
    begin, end = format_html('<{} class="{}" data-label="{}">{}', *opening), f"{after}</{tag}>"

    def cell(row: Any) -> SafeString:
        own = begin.replace(_KEY, escape(quote(row.pk)), 1) if before else begin
        made = f"{own}{conditional_escape(shown(row))}{end}"
        return SafeString(made)  # nosec B703: all values are escaped

    return cell


def _link(page: Any) -> SafeString:
    """Returns the beginning of the link to a form, with _KEY for the key of the object."""
    form = _form(f"{page.opts.app_label}_{page.opts.model_name}")
    kept = {"preserved_filters": page.preserved_filters, "opts": page.opts}
    classes = " ".join(unfold_list.LINK_CLASSES)
    return format_html('<a href="{}" class="{}">', add_preserved_filters(kept, form), classes)


_options = AutocompleteMixin.optgroups


def _options_of_ids(field: Any, name: str, value: Sequence[str], attr: Any = None) -> Any:
    """Returns the chosen rows of a field that searches, without values that can be no id. Django
    looks those up too, which fails while the page is rendered."""
    ids = [one for one in value if one.isdecimal() and len(one) < 20]
    return _options(field, name, ids, attr)


AutocompleteMixin.optgroups = _options_of_ids  # type: ignore[method-assign,assignment]


@cache
def _form(page: str) -> str:
    return reverse(f"admin:{page}_change", args=[_KEY])


def form_address(page: str, key: Any) -> str:
    """Returns the address of the form of an object, such as that of `orders_order`."""
    return _form(page).replace(_KEY, str(key))


def _shown(page: Any, name: str, field: Any) -> Callable[[Any], Any]:
    """Returns what shows the value of a column for an object."""
    empty = page.model_admin.get_empty_value_display()
    if name == _CHECKBOX:
        return lambda _: ""
    if field is None:
        method = getattr(page.model_admin, name)
        return lambda row: display_for_value(method(row), empty)
    if isinstance(field, BooleanField):
        language = get_language()
        return lambda row: _icon(getattr(row, name), language)
    if isinstance(field, ForeignKey):
        return lambda row: display_for_value(getattr(row, name), empty)
    return lambda row: display_for_field(getattr(row, name), field, empty)


@cache
def _icon(value: bool | None, language: str) -> str:  # noqa: FBT001
    """Returns a mark, which has a name in the language of the request."""
    return str(display_for_value(value, "", boolean=True))


@cache
def _checkbox(language: str) -> SafeString:
    """Returns the box that selects a row, which has a name in the language of the request."""
    made: SafeString = checkbox.render(ACTION_CHECKBOX_NAME, _KEY)
    return made


@cache
def label(value: str, variant: str) -> str:
    """Returns a value as a label in a colour of the theme."""
    return str(display_for_label(value, "", {value: variant}))


class ListPage(ChangeList):  # type: ignore[misc]
    """A list that shows the number of matching rows, but not the number of all rows."""

    def get_filters_params(self, params: Any = None) -> Any:
        """Raises IncorrectLookupParameters, which shows the list without filters."""
        found = super().get_filters_params(params)
        if any("\0" in "".join(values) for values in found.values()):
            raise IncorrectLookupParameters
        return found

    def get_ordering_field(self, field_name: Any) -> Any:
        """Sorts names in folded form, if the list says how (`folded`)."""
        folded: Mapping[str, Any] = getattr(self.model_admin, "folded", {})
        return folded.get(field_name) or super().get_ordering_field(field_name)

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
    if not isinstance(one, str) and issubclass(one[1], (RangeDateFilter, RangeNumericFilter)):
        yield from (f"{name}_from", f"{name}_to")
        return
    field = model._meta.get_field(name)
    yield f"{name}__{field.target_field.name}__exact" if field.is_relation else f"{name}__exact"
    yield f"{name}__isnull"


TRIGRAMS = ArrayField(TextField())


def with_words(rows: "QuerySet[Any]", text: Any, wanted: Sequence[str]) -> "QuerySet[Any]":
    """Returns the rows whose folded text contains all words, checked row by row."""
    for word in wanted:
        at = Func(text, Fold(Value(word)), function="strpos", output_field=IntegerField())
        rows = rows.filter(GreaterThan(at, 0))
    return rows


def with_trigrams(rows: "QuerySet[Any]", text: Any, wanted: Sequence[str]) -> "QuerySet[Any]":
    """Returns the rows whose text may contain all words, by its index of trigrams. Short words are
    not looked up."""
    known = [_trigrams(Fold(Value(word))) for word in indexed(wanted)]
    if not known:
        return rows
    every = Func(*known, template="(%(expressions)s)", arg_joiner=" || ", output_field=TRIGRAMS)
    return rows.filter(DataContains(_trigrams(text), every))


def _trigrams(text: Any) -> Func:
    return Func(text, function="trigrams", output_field=TRIGRAMS)


def in_brief(text: str) -> str:
    """Returns the beginning of a text for a cell of a list, or a dash."""
    brief = Truncator(text).chars(60) if text else "–"
    return format_html('<span class="breakable">{}</span>', brief)
