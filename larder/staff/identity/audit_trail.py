"""The staff screen of the audit trail: a list that is read-only."""

from typing import Any

from django.contrib import admin

from larder.identity.models import AuditEntry
from larder.staff.base import ReadOnlyAdmin
from larder.staff.formatting import the_shop, time_column, with_actor_name
from larder.staff.history import changes
from larder.staff.language import gettext_lazy as _
from larder.staff.words import word


@admin.register(AuditEntry)
class AuditTrailAdmin(ReadOnlyAdmin):
    """What staff and commands did, the newest first, or the entries of one object."""

    fields = ("at_shown", "by", "channel_shown", "object", "action_shown", "difference")
    list_display = fields
    search_fields = ("object",)
    search_help_text = _("An object, such as product:12")
    ordering = ("-id",)
    sortable_by = ()
    at_shown = time_column("at", _("When"))

    def get_queryset(self, request: Any) -> Any:
        return with_actor_name(super().get_queryset(request))

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        name = search_term.strip()
        return (queryset.filter(object=name) if name else queryset), False

    @admin.display(description=_("Who"))
    def by(self, entry: Any) -> str:
        return entry.actor_name or the_shop()

    @admin.display(description=_("Channel"))
    def channel_shown(self, entry: AuditEntry) -> str:
        return word(entry.channel)

    @admin.display(description=_("Action"))
    def action_shown(self, entry: AuditEntry) -> str:
        return word(entry.action)

    @admin.display(description=_("Change"))
    def difference(self, entry: AuditEntry) -> str:
        return changes(entry) or "–"
