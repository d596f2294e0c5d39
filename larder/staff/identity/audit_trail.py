"""The staff screen of the audit trail: a list that is read-only."""

from typing import Any

from django.contrib import admin

from larder.identity.models import AuditEntry
from larder.staff.base import RecordAdmin
from larder.staff.formatting import column, time_column
from larder.staff.history import changes
from larder.staff.words import gettext_lazy as _
from larder.staff.words import word


@admin.register(AuditEntry)
class AuditTrailAdmin(RecordAdmin):
    """What staff and commands did, the newest first, or the entries of one object."""

    fields = ("at_shown", "by", "channel_shown", "object", "action_shown", "difference")
    list_display = fields
    search_fields = ("object",)
    search_help_text = _("An object, such as product:12")
    at_shown = time_column("at", _("When"))
    channel_shown = column(_("Channel"), lambda entry: word(entry.channel))
    action_shown = column(_("Action"), lambda entry: word(entry.action))
    difference = column(_("Change"), lambda entry: changes(entry) or "–")

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        name = search_term.strip()
        return (queryset.filter(object=name) if name else queryset), False
