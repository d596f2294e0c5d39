"""Reads a product file row by row: values with a header row, separated by `,`, `;` or tabs; or the
first sheet of a workbook (XLSX).

The rules for cells are those of the fields of v1; both come from larder/catalog/fields.py. A file
that the admin exports is such a file, also after a spreadsheet has saved it again.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain, zip_longest
from typing import Any, NamedTuple

from larder.catalog.category_names import CategoryNames
from larder.catalog.column_names import column_of
from larder.catalog.fields import AMOUNT, DECIMALS, IN_FILES, LABELS, ProductField
from larder.catalog.queries import category_names
from larder.catalog.services.products import DEFAULTS
from larder.core import tags, workbooks
from larder.core.errors import Fault, InvalidInput
from larder.core.invisible import text_fault
from larder.core.limits import MAX_FAULTS, MAX_STOCK
from larder.core.money import SIGNS
from larder.core.spreadsheets import decoded, unescape_formula


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


def lines_of(raw: bytes) -> Iterable[str]:
    """Returns the lines of a file. A workbook has one for each row, so that faults have the number
    that the spreadsheet shows. Reading a workbook that cannot be read raises FaultyFile."""
    if workbooks.is_workbook(raw):
        return _workbook_lines(raw)
    return io.StringIO(decoded(raw), newline="")


def _workbook_lines(raw: bytes) -> Iterator[str]:
    """Yields the rows with as many cells as the first one has, or more. Amounts that are texts may
    have a decimal comma."""
    line, header = 0, list[str]()
    try:
        for line, cells in enumerate(workbooks.rows(raw), start=1):  # noqa: B007
            header = header or [column_of(name) for name in cells]
            filled = [*cells, *[""] * (len(header) - len(cells))]
            named = zip_longest(filled, header, fillvalue="")
            yield _as_csv([_with_point(one) if name in _AMOUNTS else one for one, name in named])
    except workbooks.UnreadableWorkbook as error:
        fault = RowFault(line + 1, "", "unreadable_workbook", str(error))
        raise faulty_file([fault]) from error


def _with_point(cell: str) -> str:
    """Returns an amount such as 3,15 or 1.234,50 with a decimal point."""
    is_clear = _WITH_COMMA.fullmatch(cell)
    return cell.replace(".", "").replace(",", ".") if is_clear else cell


def _as_csv(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def refuse_longer(lines: Iterable[str], *, most: int) -> None:
    """Raises FaultyFile for a file of more than `most` rows, including empty ones.

    Reads no further than that, and does not check the cells. A file that is not valid CSV passes;
    `ProductFile` reports that.
    """
    (reader, _), begins = _reader(lines), 1
    with suppress(csv.Error):
        for rows_before, _ in enumerate(reader, start=-1):
            if rows_before == most:
                raise faulty_file([RowFault(begins, "", "too_many", f"At most {most} rows.")])
            begins = reader.line_num + 1


class _UnusableCellError(Exception):
    """A cell with an invalid value. The arguments are the code and the detail."""


Cell = Callable[[str], Any]


def _text(most: int, pattern: str, form: str, *, most_bytes: int = 0) -> Cell:
    matches = re.compile(pattern).search

    def read(cell: str) -> str:
        text = unescape_formula(cell)
        if len(text) > most or (most_bytes and len(text.encode()) > most_bytes):
            detail = f"Expected at most {most} characters, found {len(text)}."
            raise _UnusableCellError("too_long", detail)
        if not matches(text):
            raise _UnusableCellError("invalid_format", _expected(form, text))
        return text

    return read


def _nullable(read: Cell) -> Cell:
    """Returns the reader of a column with null, which is an empty cell."""
    return lambda cell: read(cell) if cell else None


def _expected(form: str, found: str) -> str:
    shown = f"“{found[:_SHOWN]}{'…' if len(found) > _SHOWN else ''}”" if found else "an empty cell"
    return f"{form.rstrip('.')}; found {shown}."


_SHOWN = 40
"""Characters of a cell that a fault repeats."""


def _amount(read: Cell, separator: str, signs: Iterable[str], currency: str = "") -> Cell:
    """Returns the reader of amounts in a file with this separator. They may have signs at their
    ends. Amounts of money are in the currency."""
    is_unclear = _UNCLEAR[separator]

    def read_localised(cell: str) -> str | None:
        plain = cell.strip().upper()
        for sign in signs:
            plain = plain.removeprefix(sign.upper()).removesuffix(sign.upper()).strip()
        plain = plain or cell
        if is_unclear and is_unclear.fullmatch(plain):
            raise _UnusableCellError("ambiguous", _expected(_ONE_MARK, cell))
        if is_unclear and _THOUSANDS.fullmatch(plain):
            plain = plain.replace(".", "")
        try:
            text: str | None = read(plain.replace(",", ".") if is_unclear else plain)
        except _UnusableCellError:
            if currency and _WITH_ANOTHER_SIGN.search(cell):
                form = f"Expected an amount in {currency}, the currency of the shop"
                raise _UnusableCellError("invalid_format", _expected(form, cell)) from None
            # The fault shows the cell as the file has it.
            text = read(cell)
        return text

    return read_localised


_WITH_ANOTHER_SIGN = re.compile(r"^(?=.*\d).*([^\W\d_]|[€£$¥₴₹])")
"""An amount with letters or the sign of a currency."""

_UNCLEAR = {
    ",": None,
    ";": re.compile("[1-9][0-9]{0,2}[.][0-9]{3}"),
    "\t": re.compile("[1-9][0-9]{0,2}[.,][0-9]{3}"),
}
"""Amounts that are thousands for some readers and decimals for others, for each separator. Files
with commas have decimal points only. In files with semicolons a comma is a decimal mark, and a
point may be one; in files with tabs both may be."""

_THOUSANDS = re.compile("[1-9][0-9]{0,2}(?:[.][0-9]{3})+,[0-9]+")
"""Amounts such as 1.234,50, where the comma shows that the points are marks of thousands."""

_WITH_COMMA = re.compile(f"[^0-9,.]*(?:[0-9]+,[0-9]{{1,2}}|0,[0-9]+|{_THOUSANDS.pattern})[^0-9,.]*")
"""Amounts with a decimal comma that cannot be a mark of thousands."""

_ONE_MARK = (
    "Expected no mark of thousands. Three decimals need the mark of the file: a comma in a file "
    "with semicolons, a point in a file with commas"
)


def _category(names: Callable[[], CategoryNames]) -> Cell:
    read_id = _CELLS["category"]

    def read(cell: str) -> int | None:
        text = unescape_formula(cell).strip()
        if not text or re.fullmatch("[0-9]+", text):
            found: int | None = read_id(text)
            return found
        categories = names().find(text)
        if not categories:
            raise _UnusableCellError("unknown_category", _expected(A_CATEGORY, text))
        if len(categories) > 1:
            several = ", ".join(f"{names().path(one)} ({one})" for one in [*categories][:3])
            detail = f"{_expected(A_CATEGORY, text)} Several categories have this name: {several}."
            raise _UnusableCellError("ambiguous", detail)
        return next(iter(categories))

    return read


A_CATEGORY = "Expected the id, the name or the path of one category, such as Drinks / Tea"


def _tags(cell: str) -> list[str]:
    found = tags.split(unescape_formula(cell))
    for fault in tags.faults_of(found):
        raise _UnusableCellError(*fault)
    return found


def _whole(least: int, most: int, default: int | None) -> Cell:
    def read(cell: str) -> int | None:
        if not cell:
            return default
        if not re.fullmatch("[0-9]{1,19}", cell):
            raise _UnusableCellError("wrong_type", _expected("Expected a whole number", cell))
        if not least <= int(cell) <= most:
            limits = f"Expected a whole number from {least} to {most}"
            raise _UnusableCellError("out_of_range", _expected(limits, cell))
        return int(cell)

    return read


def _cell(field: ProductField) -> Cell:
    rules: Any = field.rules
    if field.kind is LABELS:
        return _tags
    if field.kind.json is int:
        return _whole(rules.ge, rules.le, DEFAULTS[field.column])
    longest = 20 if field.kind in DECIMALS else rules.max_length
    form = (rules.extra or {}).get("form", "")
    read = _text(longest, rules.pattern or "", form, most_bytes=field.most_bytes)
    return _nullable(read) if field.is_nullable else read


_CELLS: dict[str, Cell] = {
    **{one.name: _cell(one) for one in IN_FILES},
    "quantity": _whole(0, MAX_STOCK, 0),
    "archived_at": lambda cell: bool(cell.strip()),
}
COLUMNS = tuple(_CELLS)
_AMOUNTS = {one.name: one for one in IN_FILES if one.kind in DECIMALS}
READ_ONLY = ("currency", "available", "committed", "updated_at")
"""Columns of an exported file that a file may have, and that are not imported."""
_EMPTY = {
    **{one.name: DEFAULTS.get(one.column) for one in IN_FILES},
    "quantity": 0,
    "archived_at": False,
}


SEPARATORS = ",;\t"


def _reader(lines: Iterable[str]) -> tuple[Any, str]:
    """Returns a reader of the rows, and the separator: the one that finds most columns in the first
    line."""
    rest = iter(lines)
    first = next(rest, "")
    separator = max(SEPARATORS, key=lambda one: _known_columns(first[:_LONGEST_HEADER], one))
    return csv.reader(chain([first], rest), delimiter=separator, strict=True), separator


_LONGEST_HEADER = 4_096
"""Characters of the first line in which the separator is looked for."""


def _known_columns(line: str, separator: str) -> int:
    header = next(csv.reader([line], delimiter=separator), [])
    return sum(column_of(name) in _CELLS for name in header)


class ProductFile:
    """A product file: its columns, and its rows and faults as they are read. Prices may have the
    currency beside them. Raises FaultyFile if the header row is invalid."""

    def __init__(self, lines: Iterable[str], currency: str) -> None:
        self._reader, self._separator = _reader(lines)
        self._line = 1
        header = [column_of(name) for name in self._next() or []]
        faults = list(_header_faults(header))
        if faults:
            raise faulty_file(faults)
        self.columns: Sequence[str] = [name for name in header if name in _CELLS]
        self.ignored: Sequence[str] = [name for name in header if name in READ_ONLY]
        cells = _CELLS | {"category": _category(cache(category_names))}
        money = [currency, SIGNS.get(currency, currency)]
        for one in _AMOUNTS.values():
            of_kind = (money, currency) if one.kind is AMOUNT else (["%"], "")
            cells[one.name] = _amount(_CELLS[one.name], self._separator, *of_kind)
        self._cells = [(name, cells.get(name)) for name in header]

    def _next(self) -> list[str] | None:
        """Returns the next record, which begins at line `_line`; None at the end."""
        self._line = self._reader.line_num + 1
        try:
            return next(self._reader, None)
        except csv.Error as error:
            detail = (
                "Expected each quote inside of a quoted text twice, and a quote at its end; found: "
                f"{error}."
            )
            raise faulty_file([RowFault(self._line, "", "malformed_csv", detail)]) from error

    def rows(self) -> Iterator[Row | list[RowFault]]:
        """Yields each row, or its faults, without rows of empty cells. Raises FaultyFile if the
        rest cannot be read."""
        while (record := self._next()) is not None:
            if any(record):
                yield self._row(record)

    def _row(self, record: Sequence[str]) -> Row | list[RowFault]:
        if len(record) != len(self._cells):
            detail = (
                f"Expected {len(self._cells)} cells, as in the first line; found {len(record)}. "
                "Text with the separator or a line break in it needs quotes."
            )
            return [RowFault(self._line, "", "wrong_length", detail)]
        row, faults = dict(_EMPTY), []
        for (name, read), cell in zip(self._cells, record, strict=True):
            try:
                if read is not None:
                    row[name] = read(_storable(cell))
            except _UnusableCellError as fault:
                faults.append(RowFault(self._line, name, *fault.args))
        return faults or Row(self._line, tuple(row.values()))


def _storable(cell: str) -> str:
    if fault := text_fault(cell):
        raise _UnusableCellError(*fault)
    if not cell.isascii():
        try:
            cell.encode()
        except UnicodeEncodeError:
            raise _UnusableCellError("invalid_utf8", AN_ENCODING) from None
    return cell


AN_ENCODING = (
    "Expected UTF-8, UTF-16 with a byte order mark, or Windows-1252. Save the file as “CSV UTF-8”."
)


_NAMED = "The first line names the columns."


def _header_faults(header: Sequence[str]) -> Iterator[RowFault]:
    if len(header) > 2 * len(COLUMNS):
        # Do not report each of a hundred thousand columns.
        detail = f"Too many columns. Known: {', '.join(COLUMNS)}."
        yield RowFault(1, "", "too_long", detail)
        return
    if "sku" not in header:
        yield RowFault(1, "sku", "required", f"Expected a column sku. {_NAMED}")
    if not any(one.name in header for one in IN_FILES if one.name != "sku"):
        detail = f"Expected a column with new values, such as price. {_NAMED}"
        yield RowFault(1, "price", "required", detail)
    for position, name in enumerate(header):
        if name not in (*COLUMNS, *READ_ONLY):
            known = ", ".join(COLUMNS)
            shown = name.encode(errors="replace").decode().replace("\0", "")[:64]
            yield RowFault(1, shown, "unknown_field", f"Expected one of {known}.")
        elif name in header[:position]:
            yield RowFault(1, name, "duplicate", "This column occurs twice.")
