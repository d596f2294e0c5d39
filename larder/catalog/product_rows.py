"""Reads the rows of a product file, which begins with a row that names its columns.

The rules for cells are those of the fields of v1; both come from larder/catalog/fields.py. A file
that the admin exports is such a file, also after a spreadsheet has saved it again.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from django.utils.translation import gettext, gettext_noop

from larder.catalog import tables
from larder.catalog.category_names import CategoryNames
from larder.catalog.fields import AMOUNT, DECIMALS, IN_FILES, ProductField
from larder.catalog.queries import category_names
from larder.catalog.services.products import DEFAULTS
from larder.catalog.tables import Table, UnreadableTable
from larder.core.errors import Fault, InvalidInput
from larder.core.invisible import text_fault
from larder.core.limits import MAX_FAULTS, MAX_STOCK
from larder.core.money import SIGNS
from larder.core.spreadsheets import unescape_formula
from larder.core.texts import TextFault


class RowFault(NamedTuple):
    """A fault in a line. Lines are counted from 1, as in an editor. `column` may be empty."""

    line: int
    column: str
    code: str
    detail: str


class Row(NamedTuple):
    """A row that can be stored. `cells` has a value for each of COLUMNS, including defaults."""

    line: int
    cells: tuple[Any, ...]


@dataclass
class FaultyFile(InvalidInput):
    """Rows that cannot be stored. The pointer of a fault is `/line/column`."""

    rows: Sequence[RowFault] = ()


def faulty_file(rows: Iterable[RowFault]) -> FaultyFile:
    """Returns the error for a file, with its faults sorted by line."""
    named = sorted(rows)[:MAX_FAULTS]
    return FaultyFile([Fault(f"/{r.line}/{r.column}", r.code, r.detail) for r in named], named)


class _UnusableCellError(Exception):
    """A cell with an invalid value. The arguments are the code and the detail."""


def _faulty(fault: TextFault) -> _UnusableCellError:
    return _UnusableCellError(fault.code, gettext(fault.text).format(*fault.values))


Cell = Callable[[str], Any]


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


def _nullable(read: Cell) -> Cell:
    """Returns the reader of a column with null, which is an empty cell."""
    return lambda cell: read(cell) if cell else None


def _expected(form: str, found: str) -> str:
    """Returns the detail for a cell; `form` is a text of the catalogue."""
    expected = gettext(form).rstrip(".")
    if not found:
        return gettext("{}; found an empty cell.").format(expected)
    shown = f"{found[:_SHOWN]}{'…' if len(found) > _SHOWN else ''}"
    return gettext("{}; found “{}”.").format(expected, shown)


_SHOWN = 40
"""Characters of a cell that a fault repeats."""


def _amount(read: Cell, decimal_mark: str, signs: Iterable[str], currency: str = "") -> Cell:
    """Returns the reader of amounts in a file with this decimal mark. They may have signs at their
    ends. Amounts of money are in the currency."""

    def read_localised(cell: str) -> str | None:
        plain = cell.strip().upper()
        for sign in signs:
            plain = plain.removeprefix(sign.upper()).removesuffix(sign.upper()).strip()
        try:
            text: str | None = read(_with_point(plain or cell, decimal_mark))
        except _AmbiguousAmountError:
            raise _UnusableCellError("ambiguous", _expected(_ONE_MARK, cell)) from None
        except _UnusableCellError:
            if currency and _WITH_ANOTHER_SIGN.search(cell):
                form = gettext("Expected an amount in {}, the currency of the shop")
                detail = _expected(form.format(currency), cell)
                raise _UnusableCellError("invalid_format", detail) from None
            # The fault shows the cell as the file has it.
            text = read(cell)
        return text

    return read_localised


_WITH_ANOTHER_SIGN = re.compile(r"^(?=.*\d).*([^\W\d_]|[€£$¥₴₹])")
"""An amount with letters or the sign of a currency."""

_DECIMAL_MARKS = {",": ".", ";": ",", "\t": "", "": "."}
"""The decimal mark of a file with this separator; empty if it is not known. A workbook has no
separator, and its numbers have points."""

_GROUPED = re.compile(
    r"(?P<whole>[1-9][0-9]{0,2}(?P<mark>[.,'’ \u00a0\u202f])[0-9]{3}(?:(?P=mark)[0-9]{3})*)"
    r"(?:(?!(?P=mark))[.,](?P<decimals>[0-9]+))?"
)
"""Amounts that may have marks of thousands."""


class _AmbiguousAmountError(Exception):
    """An amount that is thousands for some readers and decimals for others, such as 1.234."""


def _with_point(amount: str, decimal_mark: str) -> str:
    """Returns an amount such as 3,15 or 1.234,50 with a decimal point, and without marks of
    thousands. Raises _AmbiguousAmountError."""
    match = _GROUPED.fullmatch(amount)
    if match is None:
        return amount.replace(",", ".")
    whole, mark, decimals = match["whole"], match["mark"], match["decimals"]
    if mark in ".," and whole.count(mark) == 1 and decimals is None:
        if mark != decimal_mark:
            raise _AmbiguousAmountError
        return whole.replace(mark, ".")
    whole = whole.replace(mark, "")
    return whole if decimals is None else f"{whole}.{decimals}"


_ONE_MARK = gettext_noop(
    "Expected no mark of thousands. Three decimals need the mark of the file: a comma in a file "
    "with semicolons, a point in a file with commas"
)


def _category(names: Callable[[], CategoryNames]) -> Cell:
    read_id = _CELLS["category"]

    def read(cell: str) -> int | None:
        text = unescape_formula(cell).strip()
        if not text or re.fullmatch("[0-9]+", text):
            number: int | None = read_id(text)
            return number
        categories = names().find(text)
        if not categories:
            raise _UnusableCellError("unknown_category", _expected(A_CATEGORY, text))
        if len(categories) > 1:
            several = ", ".join(
                f"{names().path(category)} ({category})" for category in [*categories][:3]
            )
            detail = gettext("Several categories have this name: {}.").format(several)
            raise _UnusableCellError("ambiguous", f"{_expected(A_CATEGORY, text)} {detail}")
        return next(iter(categories))

    return read


A_CATEGORY = gettext_noop(
    "Expected the id, the name or the path of one category, such as Drinks / Tea"
)


def _whole(least: int, most: int, default: int | None) -> Cell:
    def read(cell: str) -> int | None:
        if not cell:
            return default
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
        code: str = read(cell)
        return code.strip()

    return read_undamaged


_SCIENTIFIC = re.compile("[0-9]([.,][0-9]+)?E[+][0-9]{2,}")
"""What a spreadsheet makes of a long code, whose last digits it has replaced by zeros."""

_DIGITS_LOST = gettext_noop(
    "Expected a code with all its digits. Make the column one of text, and enter the code again"
)


def _cell(field: ProductField) -> Cell:
    rules: Any = field.rules
    if field.kind.json is int:
        return _whole(rules.ge, rules.le, DEFAULTS[field.column])
    longest = 20 if field.kind in DECIMALS else rules.max_length
    form = (rules.extra or {}).get("form", "")
    read = _text(longest, rules.pattern or "", form)
    read = _code(read) if field.name in {"sku", "barcode"} else read
    return _nullable(read) if field.is_nullable else read


_CELLS: dict[str, Cell] = {
    **{field.name: _cell(field) for field in IN_FILES},
    "quantity": _whole(0, MAX_STOCK, 0),
    "archived_at": lambda cell: bool(cell.strip()),
}
COLUMNS = tuple(_CELLS)
_AMOUNTS = {field.name: field for field in IN_FILES if field.kind in DECIMALS}
READ_ONLY = ("currency", "available", "committed", "updated_at")
"""Columns of an exported file that a file may have, and that are not imported."""
_EMPTY = {
    **{field.name: DEFAULTS.get(field.column) for field in IN_FILES},
    "quantity": 0,
    "archived_at": False,
}


class ProductFile:
    """A product file: its columns, and its rows and faults as they are read. Prices may have the
    currency beside them. Raises FaultyFile if the header row is invalid."""

    def __init__(self, table: Table, currency: str) -> None:
        self._rows = _readable(table.rows)
        line, names = next(self._rows, (1, []))
        header = [name.strip().lower().replace(" ", "_") for name in names]
        faults = list(_header_faults(line, header))
        if faults:
            raise faulty_file(faults)
        self._has_short_rows = not table.separator
        self.columns: Sequence[str] = [name for name in header if name in _CELLS]
        self.ignored: Sequence[str] = [name for name in header if name in READ_ONLY]
        cells = _CELLS | {"category": _category(cache(category_names))}
        decimal_mark = _DECIMAL_MARKS[table.separator]
        money = [currency, SIGNS.get(currency, currency)]
        for field in _AMOUNTS.values():
            of_kind = (money, currency) if field.kind is AMOUNT else (["%"], "")
            cells[field.name] = _amount(_CELLS[field.name], decimal_mark, *of_kind)
        self._cells = [(name, cells.get(name)) for name in header]

    def rows(self) -> Iterator[Row | list[RowFault]]:
        """Yields each row, or its faults. Raises FaultyFile if the rest cannot be read."""
        for line, cells in self._rows:
            # A workbook has no empty cells at the end of a row.
            missing = [""] * (len(self._cells) - len(cells)) if self._has_short_rows else []
            yield self._row(line, [*cells, *missing])

    def _row(self, line: int, record: Sequence[str]) -> Row | list[RowFault]:
        if len(record) != len(self._cells):
            text = gettext(
                "Expected {} cells, as in the first line; found {}. Text with the separator or a "
                "line break in it needs quotes."
            )
            detail = text.format(len(self._cells), len(record))
            return [RowFault(line, "", "wrong_length", detail)]
        row, faults = dict(_EMPTY), []
        for (name, read), cell in zip(self._cells, record, strict=True):
            try:
                if read is not None:
                    row[name] = read(_storable(cell))
            except _UnusableCellError as fault:
                faults.append(RowFault(line, name, *fault.args))
        return faults or Row(line, tuple(row.values()))


def _readable(rows: Iterator[tables.Row]) -> Iterator[tables.Row]:
    """Yields the rows. Raises FaultyFile where they cannot be read on."""
    try:
        yield from rows
    except UnreadableTable as fault:
        line, code, text, *values = fault.args
        raise faulty_file([RowFault(line, "", code, gettext(text).format(*values))]) from fault


def _storable(cell: str) -> str:
    if fault := text_fault(cell):
        raise _faulty(fault)
    if not cell.isascii():
        try:
            cell.encode()
        except UnicodeEncodeError:
            raise _UnusableCellError("invalid_utf8", gettext(AN_ENCODING)) from None
    return cell


AN_ENCODING = gettext_noop(
    "Expected UTF-8, UTF-16 with a byte order mark, or Windows-1252. Save the file as “CSV UTF-8”."
)


def _header_faults(line: int, header: Sequence[str]) -> Iterator[RowFault]:
    if len(header) > 2 * len(COLUMNS):
        # Do not report each of a hundred thousand columns.
        detail = gettext("Too many columns. Known: {}.").format(", ".join(COLUMNS))
        yield RowFault(line, "", "too_long", detail)
        return
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
            known = ", ".join(COLUMNS)
            shown = name.encode(errors="replace").decode().replace("\0", "")[:64]
            detail = gettext("Expected one of {}.").format(known)
            yield RowFault(line, shown, "unknown_field", detail)
        elif name in header[:position]:
            yield RowFault(line, name, "duplicate", gettext("This column occurs twice."))
