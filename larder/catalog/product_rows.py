"""Reads the rows of a product file, which begins with a row that names its columns.

The rules for cells are those of the fields of v1; both come from larder/catalog/fields.py. A file
that the admin exports is such a file, also after a spreadsheet has saved it again.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from django.utils.translation import gettext, gettext_noop

from larder.catalog import tables
from larder.catalog.fields import AMOUNT, DECIMALS, IN_FILES, REFERENCE, WHOLE, ProductField
from larder.catalog.queries import CategoryNames, category_names
from larder.catalog.services.products import DEFAULTS
from larder.catalog.tables import Table
from larder.core.errors import Fault, InvalidInput
from larder.core.limits import MAX_FAULTS, MAX_ID, MAX_STOCK
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
    cells = _cells(table.separator, currency)
    columns = [name for name in header if name in cells]
    file = ProductFile(columns, [name for name in header if name in READ_ONLY], [], [])
    readers = [(name, cells.get(name)) for name in header]
    for line, record in records:
        # A workbook has no empty cells at the end of a row.
        missing = [] if table.separator else [""] * (len(header) - len(record))
        row = _row(line, [*record, *missing], readers)
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


Cell = Callable[[str], Any]
"""What reads the cells of a column."""


class _UnusableCellError(Exception):
    """A cell with an invalid value. The arguments are the code and the detail."""


def _row(
    line: int, record: Sequence[str], readers: Sequence[tuple[str, Cell | None]]
) -> Row | list[RowFault]:
    """Returns the row, or its faults. Columns without a reader are not imported."""
    if len(record) != len(readers):
        text = gettext(
            "Expected {} cells, as in the first line; found {}. Text with the separator or a "
            "line break in it needs quotes."
        )
        detail = text.format(len(readers), len(record))
        return [RowFault(line, "", "wrong_length", detail)]
    values, faults = dict[str, Any](), []
    for (name, read), cell in zip(readers, record, strict=True):
        try:
            if read is not None:
                values[_STORED.get(name, name)] = read(_storable(cell))
        except _UnusableCellError as fault:
            faults.append(RowFault(line, name, *fault.args))
    return faults or Row(quantity=values.pop("quantity", 0), line=line, values=values)


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


def _cells(separator: str, currency: str) -> dict[str, Cell]:
    """Returns what reads the cells of each column, in a file with this separator."""
    cells = {field.name: _cell(field, separator, currency) for field in IN_FILES}
    return {**cells, "quantity": _or_default(_whole(0, MAX_STOCK), 0)}


def _cell(field: ProductField, separator: str, currency: str) -> Cell:
    rules: Any = field.rules
    if field.kind is REFERENCE:
        return _category(cache(category_names))
    if field.kind is WHOLE:
        read = _whole(rules.ge, rules.le)
    elif field.kind in DECIMALS:
        read = _amount(field, separator, currency)
    else:
        read = _text(rules.max_length, rules.pattern or "", (rules.extra or {}).get("form", ""))
        read = _code(read) if field.name in {"sku", "barcode"} else read
    return read if field.is_required else _or_default(read, DEFAULTS[field.column])


def _or_default(read: Cell, default: Any) -> Cell:
    """Returns the reader of an optional column, whose empty cells are the default."""
    return lambda cell: read(cell) if cell else default


def _text(most: int, pattern: str, form: str) -> Cell:
    matches = re.compile(pattern).search

    def read(cell: str) -> str:
        text = unescape_formula(cell)
        if len(text) > most:
            detail = gettext("Expected at most {} characters, found {}.")
            raise _UnusableCellError("too_long", detail.format(most, len(text)))
        if not matches(text):
            raise _UnusableCellError("invalid_format", _expected(form, text))
        return text

    return read


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


def _amount(field: ProductField, separator: str, currency: str) -> Cell:
    """Returns the reader of amounts with a decimal point or comma, which may have the currency, or
    a percent sign, at their ends. 1.234 is thousands for some readers and decimals for others."""
    rules: Any = field.rules
    matches = re.compile(rules.pattern).search
    signs = [currency, SIGNS.get(currency, currency)] if field.kind is AMOUNT else ["%"]
    sign = "|".join(map(re.escape, signs))
    at_ends = re.compile(rf"\A({sign})|({sign})\Z", re.IGNORECASE)

    def read(cell: str) -> Decimal:
        plain = at_ends.sub("", cell.strip()).strip()
        group = _GROUP.fullmatch(plain)
        if group and group[1] != _DECIMAL_MARKS.get(separator):
            raise _UnusableCellError("ambiguous", _expected(_ONE_MARK, cell))
        pointed = plain.replace(",", ".")
        if not matches(pointed):
            raise _UnusableCellError("invalid_format", _expected(rules.extra["form"], cell))
        return Decimal(pointed)

    return read


def _category(names: Callable[[], CategoryNames]) -> Cell:
    read_id = _whole(1, MAX_ID)

    def read(cell: str) -> int | None:
        text = unescape_formula(cell).strip()
        if not text:
            return None
        if re.fullmatch("[0-9]+", text):
            return read_id(text)
        categories = names().find(text)
        if not categories:
            raise _UnusableCellError("unknown_category", _expected(A_CATEGORY, text))
        if len(categories) > 1:
            several = [f"{names().path(id)} ({id})" for id in [*categories][:3]]
            detail = gettext("Several categories have this name: {}.").format(", ".join(several))
            raise _UnusableCellError("ambiguous", f"{_expected(A_CATEGORY, text)} {detail}")
        return next(iter(categories))

    return read


A_CATEGORY = gettext_noop(
    "Expected the id, the name or the path of one category, such as Drinks / Tea"
)


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(cell: str) -> int:
        if not re.fullmatch("[0-9]{1,19}", cell):
            form = gettext_noop("Expected a whole number")
            raise _UnusableCellError("wrong_type", _expected(form, cell))
        if not least <= int(cell) <= most:
            form = gettext("Expected a whole number from {} to {}").format(least, most)
            raise _UnusableCellError("out_of_range", _expected(form, cell))
        return int(cell)

    return read


def _code(read: Cell) -> Cell:
    def read_undamaged(cell: str) -> str:
        if _SCIENTIFIC.fullmatch(cell.strip()):
            raise _UnusableCellError("digits_lost", _expected(_DIGITS_LOST, cell))
        return str(read(cell)).strip()

    return read_undamaged


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

COLUMNS = (*(field.name for field in IN_FILES), "quantity")
READ_ONLY = ("currency", "archived_at", "available", "committed", "updated_at")
"""Columns of an exported file that a file may have, and that are not imported."""
_STORED = {field.name: field.column for field in IN_FILES}
