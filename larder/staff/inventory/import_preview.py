"""What a product file would change, for staff to check before it is imported."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.utils.html import format_html, format_html_join

from larder.catalog.category_names import CategoryNames
from larder.catalog.fields import AMOUNT, FIELDS
from larder.catalog.queries import category_names
from larder.catalog.services.product_import import ChangedRow
from larder.core import money
from larder.inventory.services.import_products import Preview
from larder.staff.texts import counted

_AMOUNTS = {one.name for one in FIELDS if one.kind is AMOUNT}
_SHOWN = 60
"""Characters of a text that the table shows."""


def summary(preview: Preview) -> str:
    """Returns the numbers of products, and what the table leaves out."""
    changes = preview.changes
    same = changes.lines - changes.created - changes.changed - changes.restored
    text = (
        f"Nothing is stored yet. {counted(changes.created, 'product')} would be added, "
        f"{changes.changed:,} changed, {changes.restored:,} put on sale again, and {same:,} stay "
        "the same."
    )
    rest = changes.lines - same - len(changes.rows)
    text += (
        f" The table shows the first {len(changes.rows)} lines that change something."
        if rest
        else ""
    )
    ignored = ", ".join(preview.ignored)
    return text + (f" These columns are not imported: {ignored}." if ignored else "")


def table(preview: Preview) -> dict[str, Any]:
    """Returns the table of the lines that would change something, in the format of the theme."""
    names = category_names()
    rows = [[one.line, one.sku, _what(one), _values(one, names)] for one in preview.changes.rows]
    return {"title": "Changes", "headers": ["Line", "SKU", "What", "Values"], "rows": rows}


def _what(row: ChangedRow) -> str:
    if not row.is_known:
        return "new"
    return "on sale again" if row.is_archived else "changed"


def _values(row: ChangedRow, names: CategoryNames) -> str:
    lines = format_html_join("", "<div>{}</div>", ((one,) for one in _each(row, names)))
    return format_html("<div>{}</div>", lines)


def _each(row: ChangedRow, names: CategoryNames) -> Iterator[str]:
    for name, (former, present) in row.values.items():
        before, after = (_shown(name, one, names) for one in (former, present))
        if not row.is_known:
            if present:
                yield format_html("{}: <b>{}</b>", name, after)
        elif before == after:
            yield format_html("{}: changed after the first {} characters", name, _SHOWN)
        else:
            yield format_html("{}: {} → <b>{}</b>", name, before, after)


def _shown(name: str, text: str | None, names: CategoryNames) -> str:
    if not text:
        return "–"
    if name in _AMOUNTS:
        return money.text(Decimal(text))
    if name == "category":
        return names.path(int(text))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
