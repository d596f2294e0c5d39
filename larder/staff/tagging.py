"""Tags in the lists of the admin: a filter, and an action that adds or removes them."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME as CHOSEN
from django.http import HttpResponse
from django.utils.html import format_html_join
from django.utils.text import format_lazy
from django.utils.translation import gettext
from unfold.contrib.filters.admin import TextFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from larder.core import tags
from larder.core.errors import DomainError
from larder.core.limits import MAX_TAG_LENGTH, MAX_TAGS
from larder.core.tags import TagChange
from larder.staff.base import ServiceAdmin, selected
from larder.staff.language import gettext_lazy as _
from larder.staff.lists import label
from larder.staff.pages import Page, choice, show
from larder.staff.refusals import TextForm

ADD, REMOVE = "add", "remove"


class Tags(forms.CharField):
    """A field for tags with commas between them. Its value is a list of normalized tags."""

    def __init__(self, **options: Any) -> None:
        text = _("At most {}, with commas between them. Capital letters become small ones.")
        super().__init__(
            label=_("Tags"),
            widget=UnfoldAdminTextInputWidget(),
            max_length=MAX_TAGS * (MAX_TAG_LENGTH + 2),
            help_text=format_lazy(text, MAX_TAGS),
            **options,
        )

    def prepare_value(self, value: Any) -> Any:
        """Returns what the field shows for tags, or for what was typed."""
        return value if isinstance(value, str) else tags.joined(value or ())

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Returns whether these are other tags."""
        return tags.normalized(initial or ()) != tags.split(data or "")

    def clean(self, value: Any) -> Any:
        """Raises ValidationError."""
        found = tags.split(super().clean(value))
        if faults := tags.faults_of(found):
            raise forms.ValidationError([gettext(one.text).format(*one.values) for one in faults])
        if self.required and not found:
            raise forms.ValidationError(self.error_messages["required"])
        return found


class TagForm(TextForm, forms.Form):
    """Tags to add or remove, and the fields that send the action of the list again."""

    change = choice(_("Change"), [(ADD, _("Add")), (REMOVE, _("Remove"))])
    tags = Tags()
    action = forms.CharField(widget=forms.HiddenInput)
    index = forms.CharField(widget=forms.HiddenInput)
    _selected_action = forms.Field(widget=forms.MultipleHiddenInput)

    def wanted(self) -> TagChange:
        """Returns the change of a valid form."""
        given = self.cleaned_data
        is_added = given["change"] == ADD
        return TagChange(add=given["tags"]) if is_added else TagChange(remove=given["tags"])


class TaggableList(ServiceAdmin):
    """The action that adds or removes tags of the selected objects."""

    actions: Any = ("change_tags",)

    def has_tag_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may change tags."""
        return self.may(request, "change")

    def tag(self, request: Any, keys: Sequence[Any], change: TagChange) -> int:
        """Calls the service; returns how many objects changed."""
        raise NotImplementedError

    @admin.action(description=_("Add or remove tags"), permissions=["tag"])
    def change_tags(self, request: Any, queryset: Any) -> HttpResponse | None:
        """Shows the form, then changes the tags of all objects or of none."""
        # Not those of the list's filters: one whose tag is gone is still selected.
        chosen = self.get_queryset(request).filter(pk__in=request.POST.getlist(CHOSEN))
        found = selected(self, request, chosen.order_by("pk"))
        if not found:
            return None
        form = _form(request, found)
        if form.is_bound and form.is_valid():
            try:
                count = self.tag(request, [one.pk for one in found], form.wanted())
            except DomainError as refusal:
                self.tell_refusal(request, refusal, {})
                return None
            done = gettext("Tags changed: {} of {} selected.").format(count, len(found))
            self.message_user(request, done, messages.SUCCESS)
            return None
        page = Page(
            title=gettext("Add or remove tags"),
            answer=gettext("Save"),
            back=request.get_full_path(),
            form=form,
            text=", ".join(map(str, found)),
        )
        return show(self, request, page)


def _form(request: Any, found: Sequence[Any]) -> TagForm:
    """Returns the form as it was sent, or a new one after the list."""
    if "change" in request.POST:
        return TagForm(request.POST)
    chosen = [one.pk for one in found]
    return TagForm(initial={"action": "change_tags", "index": "0", CHOSEN: chosen})


class TagFilter(TextFilter):  # type: ignore[misc]
    """Filters by one tag, by the index of the tags."""

    title = _("tag")
    parameter_name = "tag"
    column = "tags"

    def queryset(self, request: Any, queryset: Any) -> Any:
        wanted = tags.split(self.value() or "")
        return queryset.filter(**{f"{self.column}__contains": wanted}) if wanted else queryset


def labels(shown: Sequence[str]) -> str:
    """Returns tags for a cell of a list."""
    return format_html_join(" ", "{}", ((label(one, ""),) for one in shown)) if shown else "–"
