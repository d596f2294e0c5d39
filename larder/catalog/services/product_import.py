"""Compares a product file with the shop, and stores what it changes."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from django.utils.translation import gettext

from larder.catalog import sql
from larder.catalog.fields import REQUIRED
from larder.catalog.models import Category, Product
from larder.catalog.product_rows import A_CATEGORY, FaultyFile, ProductFile, Row, RowFault
from larder.catalog.queries import ids_by_sku
from larder.catalog.services.products import BROKEN_RULE, DEFAULTS, broken_rule, product_name
from larder.core.errors import AlreadyTaken
from larder.core.ids import new_id
from larder.db import database
from larder.identity.services import audit

PART = 5_000
"""Rows that one statement stores: the server's role has ten seconds for a statement."""

RULES = ("min_quantity", "max_per_order", "step")
Known = Mapping[str, Any]
"""A product of the shop, by column."""


class Change(NamedTuple):
    """A row of a file that changes something."""

    row: Row
    sku: str
    """As the product has it."""
    product: int | None
    """None for a new one."""
    before: Mapping[str, Any]
    """The former values of a known product that differ, by column."""

    @property
    def after(self) -> Mapping[str, Any]:
        """The new values: of a new product all that the file has."""
        values = self.row.values
        return values if self.product is None else {name: values[name] for name in self.before}


def compare(file: ProductFile, *, lock: bool) -> list[Change]:
    """Returns what the file changes. With `lock` other files wait, and its products and the
    categories are locked; without it waits for nothing.

    Raises FaultyFile with all faults, and AlreadyTaken if SKUs change meanwhile. Assumes an open
    transaction.
    """
    if lock:
        database.execute(sql.ONE_FILE)
    categories: set[int] = set()
    if "category" in file.columns:
        rows = Category.objects.order_by("id").values_list("id", flat=True)
        categories = {*(rows.select_for_update(no_key=True) if lock else rows)}
    skus = [row.values["sku"] for row in file.rows]
    ids = ids_by_sku(skus)
    known = _known(file, [*ids.values()], lock=lock)
    if lock and ids_by_sku(skus) != ids:
        raise AlreadyTaken("sku")
    products = [known.get(ids.get(sku)) for sku in skus]
    faults = [*file.faults, *_faults(file, products, categories)]
    if faults:
        raise FaultyFile(faults)
    return [*filter(None, map(_change, file.rows, products))]


def _known(file: ProductFile, ids: Sequence[int], *, lock: bool) -> dict[int | None, Known]:
    """Returns products by id. With `lock` locks them in this order; orders can still refer to
    them."""
    stored = [name for row in file.rows[:1] for name in row.values]
    rows = Product.objects.filter(id__in=ids).order_by("id").values(*{"id", "sku", *RULES, *stored})
    return {row["id"]: row for row in (rows.select_for_update(no_key=True) if lock else rows)}


def _change(row: Row, product: Known | None) -> Change | None:
    if product is None:
        return Change(row, row.values["sku"], None, {})
    before = {
        name: product[name]
        for name, value in row.values.items()
        if name != "sku" and product[name] != value
    }
    return Change(row, product["sku"], product["id"], before) if before else None


def _faults(
    file: ProductFile, products: Sequence[Known | None], categories: set[int]
) -> Iterator[RowFault]:
    """Yields the faults of rows that conflict with other rows or with the shop."""
    first_lines: dict[str, int] = {}
    skus = [row.values["sku"] for row in file.rows]
    folded = [row[0] for row in database.rows(sql.FOLDED, [skus])]
    adds = {*REQUIRED} <= {*file.columns}
    for row, sku, product in zip(file.rows, folded, products, strict=True):
        first = first_lines.setdefault(sku, row.line)
        if first != row.line:
            detail = gettext("Line {} has this SKU too.").format(first)
            yield RowFault(row.line, "sku", "duplicate", detail)
        yield from _faults_of(row, product, categories, adds=adds)


def _faults_of(
    row: Row, product: Known | None, categories: set[int], *, adds: bool
) -> Iterator[RowFault]:
    line, values = row.line, row.values
    if product is None and not adds:
        text = gettext("No product has the SKU {}, and new ones need {}.")
        detail = text.format(values["sku"], ", ".join(REQUIRED))
        yield RowFault(line, "sku", "unknown_product", detail)
    if values.get("category_id") not in {None, *categories}:
        yield RowFault(line, "category", "unknown_category", f"{gettext(A_CATEGORY)}.")
    present = {**DEFAULTS, **(product or {}), **values}
    if broken := broken_rule(**{rule: present[rule] for rule in RULES}):
        field, detail = BROKEN_RULE[broken]
        yield RowFault(line, field, "out_of_range", gettext(detail))


def store(changes: Sequence[Change], *, now: datetime) -> Iterator[dict[int, int]]:
    """Stores changes in parts. Yields the opening stock of the new products of each part, by id.
    Raises AlreadyTaken if another transaction has added one of them meanwhile."""
    for start in range(0, len(changes), PART):
        part = changes[start : start + PART]
        changed = [change for change in part if change.before]
        if changed:
            columns = [name for name in changed[0].row.values if name != "sku"]
            rows = [{"id": change.product, **change.row.values} for change in changed]
            database.execute(sql.change_products(columns), [now, _json(rows)])
        new = {change.sku: change for change in part if change.product is None}
        ids = _add([change.row for change in new.values()], now)
        written = [_entry(change, change.product) for change in changed]
        audit.record_all(written + [_entry(new[sku], id) for sku, id in ids.items()])
        yield {ids[sku]: change.row.quantity for sku, change in new.items()}


def _entry(change: Change, product: int | None) -> audit.Entry:
    name = product_name(product or 0)
    if change.product is None:
        after = {name: value for name, value in change.after.items() if value is not None}
        return audit.Entry(name, "create", after=after)
    return audit.Entry(name, "change", change.before, change.after)


def _add(rows: Sequence[Row], now: datetime) -> dict[str, int]:
    """Adds products. Returns their ids by SKU."""
    if not rows:
        return {}
    common = {**DEFAULTS, "created_at": now, "updated_at": now, "version": 1}
    new = [{**common, **row.values, "public_id": new_id()} for row in rows]
    ids = dict(database.rows(sql.ADD_PRODUCTS, [_json(new)]))
    if len(ids) < len(rows):
        raise AlreadyTaken("sku")
    return ids


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()
