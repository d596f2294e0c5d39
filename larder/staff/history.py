"""The audit trail as the admin shows it at each object, in place of Django's log of the admin."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import BadRequest, PermissionDenied
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext

from larder.identity.services import audit
from larder.staff.formatting import field_value, minor_amount, moment
from larder.staff.words import word


class AuditedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """An admin without Django's log. The log keeps the names of objects, also those of accounts
    that are deleted later. The services record changes in the audit trail."""

    def changelist_view(self, request: Any, extra_context: Any = None) -> Any:
        """Raises PermissionDenied for an action whose permission the user lacks, where Django would
        only show the list again. Raises BadRequest for other names."""
        wanted = set(request.POST.getlist("action")) - {""}
        if wanted:
            known = {name for _, name, _ in self._get_base_actions()}  # type: ignore[attr-defined]
            if wanted - known:
                raise BadRequest("This list has no such action.")
            if wanted - self.get_actions(request).keys():
                raise PermissionDenied
        return super().changelist_view(request, extra_context)

    def audited_name(self, obj: Any) -> str:
        """Returns the name of an object in the audit trail."""
        return f"{self.opts.model_name}:{obj.pk}"

    def log_addition(self, request: Any, obj: Any, message: Any) -> Any:
        """Writes nothing."""

    def log_change(self, request: Any, obj: Any, message: Any) -> Any:
        """Writes nothing."""

    def log_deletions(self, request: Any, queryset: Any) -> Any:
        """Writes nothing."""


def changes(entry: Any) -> str:
    """Returns the old and the new value of each field of an entry, one in each line; empty for
    none. They are one element: the theme lays out the elements of a cell side by side on a phone.
    """
    lines = format_html_join("", "<div>{}</div>", ((line,) for line in _lines(entry)))
    return format_html('<div class="breakable">{}</div>', lines) if lines else ""


CODED = frozenset({"status", "reason", "cause", "kind", "disposition"})
"""Fields whose values are codes, for which there are words."""


def _lines(entry: Any) -> Iterator[str]:
    for name in {**entry.before, **entry.after}:
        if name == audit.PERSONAL:
            names = ", ".join(word(one) for one in entry.after[name])
            yield gettext("changed, values are not kept: {}").format(names)
            continue
        if name == "amount" and "currency" in entry.after:
            yield f"{word(name)}: {minor_amount(entry.after[name], entry.after['currency'])}"
            continue
        after = _text(name, entry.after.get(name))
        before = f"{_text(name, entry.before[name])} → " if name in entry.before else ""
        yield f"{word(name)}: {before}{after}"


def _text(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_single(name, one) for one in value) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_single(name, one)}" for key, one in value.items())
    return _single(name, value)


def _single(name: str, value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, str) and name in CODED:
        return word(value)
    if isinstance(value, str) and name.endswith("_at"):
        return moment(datetime.fromisoformat(value))
    if isinstance(value, str | int):
        return field_value(name, value)
    return json.dumps(value, ensure_ascii=False)
