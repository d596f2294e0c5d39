"""Reads a product file row by row: comma-separated values with a header row.

The rules for cells are those of the fields of v1; both come from larder/catalog/fields.py.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from larder.catalog.fields import AMOUNT, IN_FILES, ProductField
from larder.catalog.services import DEFAULTS
from larder.core.errors import Fault, InvalidInput
from larder.core.limits import MAX_FAULTS, MAX_STOCK

REQUIRED = tuple(one.name for one in IN_FILES if one.is_required)


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


def refuse_longer(lines: Iterable[str], *, most: int) -> None:
    """Raises FaultyFile for a file of more than `most` rows, including empty ones.

    Reads no further than that, and does not check the cells. A file that is not valid CSV passes;
    `ProductFile` reports that.
    """
    reader, begins = csv.reader(lines, strict=True), 1
    with suppress(csv.Error):
        for rows_before, _ in enumerate(reader, start=-1):
            if rows_before == most:
                raise faulty_file([RowFault(begins, "", "too_many", f"At most {most} rows.")])
            begins = reader.line_num + 1


class _UnusableCellError(Exception):
    """A cell with an invalid value. The arguments are the code and the detail."""


Cell = Callable[[str], Any]


def _text(most: int, pattern: str = "", *, most_bytes: int = 0) -> Cell:
    matches = re.compile(pattern).search

    def read(cell: str) -> str:
        if len(cell) > most or (most_bytes and len(cell.encode()) > most_bytes):
            raise _UnusableCellError("too_long", f"At most {most} characters.")
        if not matches(cell):
            raise _UnusableCellError(
                "invalid_format", "Empty, or not in the format of this column."
            )
        return cell

    return read


def _whole(least: int, most: int, default: int | None) -> Cell:
    def read(cell: str) -> int | None:
        if not cell:
            return default
        if not re.fullmatch("[0-9]{1,19}", cell):
            raise _UnusableCellError("wrong_type", "A whole number, in digits.")
        if not least <= int(cell) <= most:
            raise _UnusableCellError("out_of_range", f"From {least} to {most}.")
        return int(cell)

    return read


def _cell(field: ProductField) -> Cell:
    rules: Any = field.rules
    if field.kind.json is int:
        return _whole(rules.ge, rules.le, DEFAULTS[field.column])
    longest = 20 if field.kind is AMOUNT else rules.max_length
    return _text(longest, rules.pattern or "", most_bytes=field.most_bytes)


_CELLS: dict[str, Cell] = {
    **{one.name: _cell(one) for one in IN_FILES},
    "quantity": _whole(0, MAX_STOCK, 0),
}
COLUMNS = tuple(_CELLS)
_EMPTY = {**{one.name: DEFAULTS.get(one.column, "") for one in IN_FILES}, "quantity": 0}


class ProductFile:
    """A product file: its columns, and its rows and faults as they are read. Raises FaultyFile if
    the header row is invalid."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._reader = csv.reader(lines, strict=True)
        self._line = 1
        header = self._next() or []
        faults = list(_header_faults(header))
        if faults:
            raise faulty_file(faults)
        self.columns: Sequence[str] = header
        self._cells = [(name, _CELLS[name]) for name in header]

    def _next(self) -> list[str] | None:
        """Returns the next record, which begins at line `_line`; None at the end."""
        self._line = self._reader.line_num + 1
        try:
            return next(self._reader, None)
        except csv.Error as error:
            raise faulty_file([RowFault(self._line, "", "malformed_csv", f"{error}.")]) from error

    def rows(self) -> Iterator[Row | list[RowFault]]:
        """Yields each row, or its faults. Raises FaultyFile if the rest cannot be read."""
        while (record := self._next()) is not None:
            if record:
                yield self._row(record)

    def _row(self, record: Sequence[str]) -> Row | list[RowFault]:
        if len(record) != len(self._cells):
            detail = f"{len(record)} cells; the header row has {len(self._cells)}."
            return [RowFault(self._line, "", "wrong_length", detail)]
        row, faults = dict(_EMPTY), []
        for (name, read), cell in zip(self._cells, record, strict=True):
            try:
                row[name] = read(_storable(cell))
            except _UnusableCellError as fault:
                faults.append(RowFault(self._line, name, *fault.args))
        return faults or Row(self._line, tuple(row.values()))


def _storable(cell: str) -> str:
    if "\0" in cell:
        raise _UnusableCellError("nul", "Text must not contain the character U+0000.")
    if not cell.isascii():
        try:
            cell.encode()
        except UnicodeEncodeError:
            raise _UnusableCellError("invalid_utf8", "The file must be in UTF-8.") from None
    return cell


def _header_faults(header: Sequence[str]) -> Iterator[RowFault]:
    if len(header) > 2 * len(COLUMNS):
        # Do not report each of a hundred thousand columns.
        detail = f"Too many columns. Known: {', '.join(COLUMNS)}."
        yield RowFault(1, "", "too_long", detail)
        return
    for name in REQUIRED:
        if name not in header:
            yield RowFault(1, name, "required", "This column is required.")
    for position, name in enumerate(header):
        if name not in COLUMNS:
            known = ", ".join(COLUMNS)
            shown = name.encode(errors="replace").decode().replace("\0", "")[:64]
            yield RowFault(1, shown, "unknown_field", f"There is no such column. Known: {known}.")
        elif name in header[:position]:
            yield RowFault(1, name, "duplicate", "This column occurs twice.")
