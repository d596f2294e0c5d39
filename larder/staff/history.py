"""Entries of the audit trail, as the admin shows them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext

from larder.core.limits import MAX_SHOWN_ROWS
from larder.identity import queries
from larder.identity.services import audit
from larder.notifications.formatting import minor_amount
from larder.staff.formatting import actor_names, field_value, in_one_line, moment
from larder.staff.words import gettext_lazy as _
from larder.staff.words import word


def changes(entry: Any) -> str:
    """Returns the old and the new value of each field of an entry, one in each line; empty for
    none. They are one element: the theme lays out the elements of a cell side by side on a phone.
    """
    lines = format_html_join("", "<div>{}</div>", ((line,) for line in _lines(entry)))
    return format_html('<div class="breakable">{}</div>', lines) if lines else ""


LONGEST = 200
"""Characters of a value that are shown. The API has all."""

CODED = frozenset({"status", "reason", "cause", "kind", "disposition"})
"""Fields whose values are codes, for which there are words."""


def _lines(entry: Any) -> Iterator[str]:
    for name in {**entry.before, **entry.after}:
        if name == audit.PERSONAL:
            names = ", ".join(map(word, entry.after[name]))
            yield gettext("changed, values are not kept: {}").format(names)
            continue
        if name == "amount" and "currency" in entry.after:
            yield f"{word(name)}: {minor_amount(entry.after[name], entry.after['currency'])}"
            continue
        after = _text(name, entry.after.get(name))
        if name not in entry.before:
            yield f"{word(name)}: {after}"
        elif after == (before := _text(name, entry.before[name])):
            yield gettext("{}: changed after the first {} characters").format(word(name), LONGEST)
        else:
            yield f"{word(name)}: {before} → {after}"


def _text(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_single(name, part) for part in value) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_single(name, part)}" for key, part in value.items())
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
    shown = field_value(name, value) if isinstance(value, str | int) else str(value)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"


def history(name: str) -> dict[str, Any]:
    """Returns the last entries of an object as a table, and how many they are if there are earlier
    ones."""
    entries = queries.audit_entries(object=name, limit=MAX_SHOWN_ROWS)
    names = actor_names({entry.actor for entry in entries.rows})
    rows = [
        [
            in_one_line(moment(entry.at)),
            names[entry.actor],
            word(entry.channel),
            word(entry.action),
            changes(entry),
        ]
        for entry in entries.rows
    ]
    headers = [_("When"), _("Who"), _("Through"), _("What"), _("Change")]
    table = {"headers": headers, "rows": rows}
    return {"table": table, "limit": MAX_SHOWN_ROWS if entries.more else None}
