"""Reads the rows of a product file, which begins with a row that names its columns.

The rules for cells are those of the fields of v1; both come from larder/catalog/fields.py. A file
that the admin exports is such a file, also after a spreadsheet has saved it again.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from django.utils.translation import gettext, gettext_noop
from msgspec import Meta

from larder.catalog import tables
from larder.catalog.fields import (
    AMOUNT,
    DECIMALS,
    IN_FILES,
    RATE,
    REFERENCE,
    WHOLE,
    ProductField,
)
from larder.catalog.queries import category_names
from larder.catalog.services.products import DEFAULTS
from larder.catalog.tables import Table
from larder.core.errors import Fault, InvalidInput
from larder.core.limits import MAX_FAULTS, MAX_STOCK
from larder.core.money import SIGNS
from larder.core.spreadsheets import unescape_formula
from larder.core.texts import text_fault


class RowFault(NamedTuple):
    """A fault in a line. Lines are counted from 1, as in an editor. `column` may be empty."""

    line: int
    column: str
    code: str
    detail: str


class Row(NamedTuple):
    """A row that can be stored."""

    line: int
    values: dict[str, Any]
    """Of the fields that the file has, by their columns in the table; `sku` is always there."""
    quantity: int
    """The opening stock, if the product is new."""


class FaultyFile(InvalidInput):
    """Rows that cannot be stored, by line. The pointer of a fault is `/line/column`."""

    def __init__(self, rows: Iterable[RowFault]) -> None:
        self.rows = sorted(rows)[:MAX_FAULTS]
        super().__init__([Fault(f"/{r.line}/{r.column}", r.code, r.detail) for r in self.rows])


class ProductFile(NamedTuple):
    """The rows of a product file that can be stored, and the faults of the others."""

    columns: Sequence[str]
    """The imported ones, as the file names them."""
    ignored: Sequence[str]
    rows: list[Row]
    faults: list[RowFault]
    """At least MAX_FAULTS, or all. The rows behind the last of so many are not read."""


def product_file(table: Table, currency: str) -> ProductFile:
    """Reads a product file. Prices may have the currency beside them. Raises FaultyFile if the
    header row is invalid."""
    (line, names), *records = table.rows or [tables.Row(1, [])]
    header = [_column(name) for name in names]
    unread = []
    if table.fault:
        place, code, text, *values = table.fault
        unread = [RowFault(place, "", code, gettext(text).format(*values))]
    if faults := unread if unread and not table.rows else [*_header_faults(line, header)]:
        raise FaultyFile(faults)
    cells = _Cells(table.separator, currency)
    columns = [name for name in header if name in BY_NAME]
    file = ProductFile(columns, [name for name in header if name in READ_ONLY], [], [])
    for line, record in records:
        # A workbook has no empty cells at the end of a row.
        missing = [] if table.separator else [""] * (len(header) - len(record))
        row = _row(line, [*record, *missing], header, cells)
        if isinstance(row, Row):
            file.rows.append(row)
        else:
            file.faults.extend(row)
        if len(file.faults) >= MAX_FAULTS:
            return file
    file.faults.extend(unread)
    return file


def _header_faults(line: int, header: Sequence[str]) -> Iterator[RowFault]:
    if "sku" not in header:
        detail = gettext("Expected a column sku. The first line names the columns.")
        yield RowFault(line, "sku", "required", detail)
    if not any(field.name in header for field in IN_FILES if field.name != "sku"):
        detail = gettext(
            "Expected a column with new values, such as price. The first line names the columns."
        )
        yield RowFault(line, "price", "required", detail)
    for position, name in enumerate(header):
        if name not in (*COLUMNS, *READ_ONLY):
            shown = name.encode(errors="replace").decode().replace("\0", "")[:64]
            detail = gettext("Expected one of {}.").format(", ".join(COLUMNS))
            yield RowFault(line, shown, "unknown_field", detail)
        elif name in header[:position]:
            yield RowFault(line, name, "duplicate", gettext("This column occurs twice."))


class _UnusableCellError(Exception):
    """A cell with an invalid value. The arguments are the code and the detail."""


def _row(
    line: int, record: Sequence[str], header: Sequence[str], cells: "_Cells"
) -> Row | list[RowFault]:
    """Returns the row, or its faults. Columns that are READ_ONLY are not read."""
    if len(record) != len(header):
        text = gettext(
            "Expected {} cells, as in the first line; found {}. Text with the separator or a "
            "line break in it needs quotes."
        )
        detail = text.format(len(header), len(record))
        return [RowFault(line, "", "wrong_length", detail)]
    values, faults = dict[str, Any](), []
    for name, cell in zip(header, record, strict=True):
        try:
            if field := BY_NAME.get(name):
                values[field.column] = cells.read(field, _storable(cell))
        except _UnusableCellError as fault:
            faults.append(RowFault(line, name, *fault.args))
    return faults or Row(quantity=values.pop(QUANTITY.column, 0), line=line, values=values)


def _storable(cell: str) -> str:
    if fault := text_fault(cell):
        raise _UnusableCellError(fault.code, gettext(fault.text).format(*fault.values))
    if not cell.isascii():
        try:
            cell.encode()
        except UnicodeEncodeError:
            raise _UnusableCellError("invalid_utf8", gettext(AN_ENCODING)) from None
    return cell


AN_ENCODING = gettext_noop(
    "Expected UTF-8, UTF-16 with a byte order mark, or Windows-1252. Save the file as “CSV UTF-8”."
)


class _Cells:
    """Reads the cells of a file with this separator. Raises _UnusableCellError."""

    def __init__(self, separator: str, currency: str) -> None:
        self._mark = _DECIMAL_MARKS.get(separator)
        self._at_ends = {
            AMOUNT: _at_ends(currency, SIGNS.get(currency, currency)),
            RATE: _at_ends("%"),
        }
        self._categories = cache(category_names)

    def read(self, field: ProductField, cell: str) -> Any:
        """Returns the value of a cell; the default of the field for an empty one."""
        if field.kind is REFERENCE:
            return self._category(field, cell)
        if not (cell or field.is_required):
            return DEFAULTS.get(field.column, 0)
        if field.kind is WHOLE:
            return _whole(field.rules, cell)
        if field.kind in DECIMALS:
            return self._amount(field, cell)
        if field.name not in {"sku", "barcode"}:
            return _text(field.rules, cell)
        if _SCIENTIFIC.fullmatch(cell.strip()):
            raise _UnusableCellError("digits_lost", _expected(_DIGITS_LOST, cell))
        return _text(field.rules, cell).strip()

    def _amount(self, field: ProductField, cell: str) -> Decimal:
        """Returns an amount with a decimal point or comma, which may have the currency, or a
        percent sign, at its ends. 1.234 is thousands for some readers and decimals for others."""
        rules: Any = field.rules
        plain = self._at_ends[field.kind].sub("", cell.strip()).strip()
        group = _GROUP.fullmatch(plain)
        if group and group[1] != self._mark:
            raise _UnusableCellError("ambiguous", _expected(_ONE_MARK, cell))
        pointed = plain.replace(",", ".")
        if not re.search(rules.pattern, pointed):
            raise _UnusableCellError("invalid_format", _expected(rules.extra["form"], cell))
        return Decimal(pointed)

    def _category(self, field: ProductField, cell: str) -> int | None:
        text = unescape_formula(cell).strip()
        if not text:
            return None
        if re.fullmatch("[0-9]+", text):
            return _whole(field.rules, text)
        names = self._categories()
        categories = names.find(text)
        if not categories:
            raise _UnusableCellError("unknown_category", _expected(A_CATEGORY, text))
        if len(categories) > 1:
            several = [f"{names.path(id)} ({id})" for id in [*categories][:3]]
            detail = gettext("Several categories have this name: {}.").format(", ".join(several))
            raise _UnusableCellError("ambiguous", f"{_expected(A_CATEGORY, text)} {detail}")
        return next(iter(categories))


def _at_ends(*signs: str) -> re.Pattern[str]:
    sign = "|".join(map(re.escape, signs))
    return re.compile(rf"\A({sign})|({sign})\Z", re.IGNORECASE)


def _text(rules: Any, cell: str) -> str:
    text = unescape_formula(cell)
    if len(text) > rules.max_length:
        detail = gettext("Expected at most {} characters, found {}.")
        raise _UnusableCellError("too_long", detail.format(rules.max_length, len(text)))
    if rules.pattern and not re.search(rules.pattern, text):
        raise _UnusableCellError("invalid_format", _expected(rules.extra["form"], text))
    return text


def _whole(rules: Any, cell: str) -> int:
    if not re.fullmatch("[0-9]{1,19}", cell):
        form = gettext_noop("Expected a whole number")
        raise _UnusableCellError("wrong_type", _expected(form, cell))
    if not rules.ge <= int(cell) <= rules.le:
        form = gettext("Expected a whole number from {} to {}").format(rules.ge, rules.le)
        raise _UnusableCellError("out_of_range", _expected(form, cell))
    return int(cell)


def _expected(form: str, cell: str) -> str:
    """Returns the detail for a cell; `form` is a text of the catalogue."""
    expected = gettext(form).rstrip(".")
    if not cell:
        return gettext("{}; found an empty cell.").format(expected)
    shown = f"{cell[:_SHOWN]}{'…' if len(cell) > _SHOWN else ''}"
    return gettext("{}; found “{}”.").format(expected, shown)


_SHOWN = 40
"""Characters of a cell that a fault repeats."""

_DECIMAL_MARKS = {",": ".", ";": ",", "": "."}
"""The decimal mark of a file with this separator. A workbook has none, and numbers with points."""

_GROUP = re.compile(r"[1-9][0-9]{0,2}([.,])[0-9]{3}")

_ONE_MARK = gettext_noop(
    "Expected no mark of thousands. Three decimals need the mark of the file: a comma in a file "
    "with semicolons, a point in a file with commas"
)


A_CATEGORY = gettext_noop(
    "Expected the id, the name or the path of one category, such as Drinks / Tea"
)


_SCIENTIFIC = re.compile("[0-9]([.,][0-9]+)?E[+][0-9]{2,}")
"""What a spreadsheet makes of a long code, whose last digits it has replaced by zeros."""

_DIGITS_LOST = gettext_noop(
    "Expected a code with all its digits. Make the column one of text, and enter the code again"
)


def _column(name: str) -> str:
    """Returns the column that a header names, also by a usual name; others as they are."""
    plain = name.strip().lower().replace(" ", "_")
    known = re.sub(r"[^a-zäöü]", "", plain)
    return next((column for column, names in USUAL.items() if known in names), plain)


USUAL = {
    "sku": {"artikelnummer", "artikelnr", "artnr", "itemnumber", "itemno", "productcode"},
    "name": {"bezeichnung", "artikel", "artikelname", "produkt", "title", "product", "productname"},
    "description": {"beschreibung"},
    "price": {"preis", "verkaufspreis", "vk", "unitprice", "sellingprice"},
    "quantity": {"bestand", "lagerbestand", "menge", "stock", "onhand", "qty"},
    "category": {"kategorie", "warengruppe"},
    "unit": {"einheit"},
    "barcode": {"strichcode", "ean", "gtin", "upc"},
    "tax_rate": {"steuersatz", "mwst", "mehrwertsteuer", "ust", "vat", "vatrate"},
}
"""What other programs call columns, in letters alone."""

QUANTITY = ProductField("quantity", WHOLE, Meta(ge=0, le=MAX_STOCK))
"""The opening stock, which is no field of the product."""

BY_NAME = {field.name: field for field in (*IN_FILES, QUANTITY)}
COLUMNS = (*BY_NAME,)
READ_ONLY = ("currency", "archived_at", "available", "committed", "updated_at")
"""Columns of an exported file that a file may have, and that are not imported."""
