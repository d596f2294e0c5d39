"""The staff screens of categories."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin

from larder.catalog.models import Category
from larder.catalog.search import words
from larder.catalog.services.categories import change_category, create_category, delete_category
from larder.core.clock import now
from larder.db.fields import Fold, in_order
from larder.staff.base import ServiceAdmin
from larder.staff.formatting import column
from larder.staff.lists import with_words
from larder.staff.recording import caller_of, claim
from larder.staff.refusals import Sentence, VersionedForm
from larder.staff.words import gettext_lazy as _

SENTENCES: Mapping[str, Sentence] = {
    "sku_taken": Sentence("sku", _("Another product has this SKU; archived ones keep theirs.")),
    "unknown_category": Sentence(
        "category", _("This category does not exist, or cannot be the parent.")
    ),
    "too_many_categories": Sentence(
        None, _("The shop has {limit} categories, and cannot have more. Delete one first.")
    ),
    "category_in_use": Sentence(
        None, _("It still has products or categories below it. Move them elsewhere first.")
    ),
}
"""The messages for refusals of the catalogue."""


class CategoryForm(VersionedForm):
    """Name and place of a category."""

    sentences = {
        **SENTENCES,
        "unknown_category": SENTENCES["unknown_category"]._replace(field="parent"),
    }

    class Meta:
        help_texts: ClassVar[dict[str, str]] = {
            "name": _("Customers see it."),
            "parent": _("The category that this one is a part of; empty for a main category."),
        }


@admin.register(Category)
class CategoryAdmin(ServiceAdmin):
    """The tree of categories. An empty one can be deleted."""

    refusals = SENTENCES
    form = CategoryForm
    fields = ("name", "parent")
    autocomplete_fields = ("parent",)
    list_display = ("name_shown", "parent")
    list_select_related = ("parent",)
    search_fields = ("name",)
    search_help_text = _("Part of the name")
    ordering = (in_order("name"), "id")
    sortable_by = ("name_shown",)
    name_shown = column(_("Name"), lambda category: category.name, ordering=in_order("name"))

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        return with_words(queryset, Fold("name"), words(search_term)), False

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        sent, caller = form.cleaned_data, caller_of(request)
        name, parent = sent["name"], sent["parent"] and sent["parent"].pk
        if change and form.has_changed():
            fields = {"name": name, "parent_id": parent}
            change_category(obj.pk, fields, caller=caller, version=sent["seen_version"])
        elif not change:
            once = claim(caller, "category", sent["form_key"], name, parent)
            new = create_category(name=name, parent=parent, caller=caller, now=now(), claim=once)
            obj.pk = new.id

    def delete_model(self, request: Any, obj: Any) -> None:
        delete_category(obj.pk, caller=caller_of(request))
