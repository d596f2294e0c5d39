"""What a product file would change, for staff to check before it is imported."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, ngettext

from larder.catalog.category_names import CategoryNames
from larder.catalog.models import Product
from larder.catalog.queries import category_names
from larder.catalog.services.product_import import ChangedRow
from larder.inventory.services.import_products import Preview
from larder.staff.formatting import field_value, grouped
from larder.staff.language import gettext_lazy as _

_SHOWN = 60
"""Characters of a text that the table shows."""


def summary(preview: Preview) -> str:
    """Returns the numbers of products, what the table leaves out, and what new products lack."""
    changes = preview.changes
    same = changes.lines - changes.created - changes.changed - changes.restored
    text = ngettext(
        "Nothing is stored yet. {} product would be added, {} changed, {} put on sale again, and "
        "{} stay the same.",
        "Nothing is stored yet. {} products would be added, {} changed, {} put on sale again, and "
        "{} stay the same.",
        changes.created,
    ).format(*map(grouped, (changes.created, changes.changed, changes.restored, same)))
    rest = changes.lines - same - len(changes.rows)
    if rest:
        shown = gettext("The table shows the first {} lines that change something.")
        text = f"{text} {shown.format(len(changes.rows))}"
    if preview.ignored:
        left_out = gettext("These columns are not imported: {}.")
        text = f"{text} {left_out.format(', '.join(preview.ignored))}"
    if any(map(_lacks_rate, changes.rows)):
        unknown = gettext(
            "New products without a tax rate have no known net price: give the file a column "
            "tax_rate, or enter the rate at the products."
        )
        text = f"{text} {unknown}"
    return text


def _lacks_rate(row: ChangedRow) -> bool:
    return not row.is_known and not row.values.get("tax_rate", (None, None))[1]


def table(preview: Preview) -> dict[str, Any]:
    """Returns the table of the lines that would change something, in the format of the theme."""
    names, known = category_names(), _known(preview.changes.rows)
    rows = [
        [one.line, one.sku, _name(one, known), _what(one), _values(one, names)]
        for one in preview.changes.rows
    ]
    headers = [_("Line"), _("SKU"), _("Name"), _("What"), _("Values")]
    return {"title": _("Changes"), "headers": headers, "rows": rows}


def _known(rows: Sequence[ChangedRow]) -> dict[str, str]:
    """Returns the names that the products have now, by SKU."""
    skus = [one.sku for one in rows if one.is_known]
    return dict(Product.objects.filter(sku__in=skus).values_list("sku", "name"))


def _name(row: ChangedRow, known: Mapping[str, str]) -> str:
    """Returns the name of a product; of a new one that in the file."""
    return known.get(row.sku) or row.values.get("name", ("", ""))[1] or ""


def _what(row: ChangedRow) -> str:
    if not row.is_known:
        return gettext("new")
    return gettext("on sale again") if row.is_restored else gettext("changed")


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
            yield gettext("{}: changed after the first {} characters").format(name, _SHOWN)
        else:
            yield format_html("{}: {} → <b>{}</b>", name, before, after)


def _shown(name: str, text: str | None, names: CategoryNames) -> str:
    if not text:
        return "–"
    if name == "category":
        return names.path(int(text))
    return field_value(name, text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
