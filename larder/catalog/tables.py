"""Reads a table from a file as spreadsheets save it: CSV, or the first sheet of a workbook (XLSX).

`read` decodes the file in a child process with limits; `decode` is what runs there. Each cell is
text, as the sheet shows it. Formulas have the value that the spreadsheet stored.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from larder.core import limited_child
from larder.core.limits import MAX_FILE_ROWS
from larder.core.spreadsheets import decoded
from larder.core.texts import gettext_noop

MAX_TABLE_BYTES = 30 * 1024 * 1024
"""Bytes of the cells of an uploaded file: many cells can share one long text."""

MAX_TABLE_COLUMNS = 256
"""Columns of an uploaded file. A product file has at most some 30."""


class Row(NamedTuple):
    """A row that is not empty."""

    line: int
    """Counted from 1, as editors and spreadsheets do; of a row of several lines the first one."""
    cells: list[str]


class UnreadableTable(Exception):
    """The rest of a file cannot be read: the line, a code, a text, and what fills it in."""


class Table(NamedTuple):
    """The rows of a file."""

    separator: str
    """Of the cells of a CSV file; empty for a workbook."""
    rows: list[Row]
    fault: tuple[Any, ...] | None = None
    """The arguments of UnreadableTable, if the file has more than these rows."""


_TOO_EXPENSIVE = gettext_noop(
    "The file takes more time or memory than a table of products may. Copy the rows into a new "
    "sheet without formats, and save it again, as XLSX or as CSV."
)


def read(content: bytes) -> Table:
    """Returns the table of an uploaded file of at most MAX_FILE_ROWS rows. Raises Overloaded."""
    try:
        answer = limited_child.run(__name__, content, most=MAX_TABLE_BYTES)
    except limited_child.LimitExceeded:
        return Table("", [], (1, "unreadable_workbook", _TOO_EXPENSIVE))
    separator, rows, fault = json.loads(answer)
    return Table(separator, [Row(*row) for row in rows], fault)


def decode(content: bytes) -> bytes:
    """Returns the table of a file as JSON."""
    return json.dumps(decoded_table(content)).encode()


def decoded_table(content: bytes) -> Table:
    """Returns the table of a file, in this process."""
    is_archive = content.startswith(b"PK\x03\x04")
    separator, rows = ("", _workbook_rows(content)) if is_archive else _csv(decoded(content))
    table = Table(separator, [])
    try:
        for row in _bounded(rows):
            table.rows.append(row)
    except UnreadableTable as fault:
        return table._replace(fault=fault.args)
    return table


_MANY_ROWS = gettext_noop("At most {} rows.")
_MANY_COLUMNS = gettext_noop("At most {} columns.")


def _bounded(rows: Iterator[Row]) -> Iterator[Row]:
    for number, row in enumerate(rows):
        if number > MAX_FILE_ROWS:
            raise UnreadableTable(row.line, "too_many", _MANY_ROWS, MAX_FILE_ROWS)
        if len(row.cells) > MAX_TABLE_COLUMNS:
            raise UnreadableTable(row.line, "too_long", _MANY_COLUMNS, MAX_TABLE_COLUMNS)
        yield row


SEPARATORS = ",;\t"
_QUOTES = gettext_noop(
    "Expected each quote inside of a quoted text twice, and a quote at its end; found: {}."
)


def _csv(text: str) -> tuple[str, Iterator[Row]]:
    """Returns the separator, the one that occurs most often in the first line, and the rows."""
    separator = max(SEPARATORS, key=next(io.StringIO(text, newline=""), "").count)
    lines = io.StringIO(text, newline="")
    return separator, _csv_rows(csv.reader(lines, delimiter=separator, strict=True))


def _csv_rows(rows: Any) -> Iterator[Row]:
    while True:
        line = rows.line_num + 1
        try:
            cells = next(rows, None)
        except csv.Error as error:
            raise UnreadableTable(line, "malformed_csv", _QUOTES, str(error)) from error
        if cells is None:
            return
        if any(cells):
            yield Row(line, cells)


_DAMAGED = gettext_noop(
    "This is no workbook, or it is damaged. Save the file again, as XLSX or as CSV."
)
_SHEET_ROWS = 1_048_576
"""Rows of the longest sheet of a spreadsheet."""


def _workbook_rows(content: bytes) -> Iterator[Row]:
    """Yields the rows of the first visible sheet."""
    from openpyxl import load_workbook  # type: ignore[import-untyped]

    line = 1
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        sheet = next(each for each in book.worksheets if each.sheet_state == "visible")
        # What the file says of its size may be wrong.
        sheet.reset_dimensions()
        for line, cells in enumerate(sheet.iter_rows(max_row=_SHEET_ROWS), 1):
            if filled := [place for place, cell in enumerate(cells, 1) if cell.value not in EMPTY]:
                yield Row(line, [_text(cell) for cell in cells[: filled[-1]]])
    except (UnreadableTable, MemoryError):
        raise
    # A library of a format with many parts raises errors of many types.
    except Exception as error:
        raise UnreadableTable(line, "unreadable_workbook", _DAMAGED) from error


EMPTY = (None, "")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


def _text(cell: Any) -> str:
    """Returns the value of a cell as its sheet shows it."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return _number(value, cell.number_format)
    plain = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), str(value))
    return plain.replace("\r\n", "\n")


def _number(value: float, shown_as: str) -> str:
    """Returns a number with up to fifteen digits, because spreadsheets store 2.45 as the nearest
    binary fraction; in scientific notation if it had more. Codes have a format such as 00000."""
    exact = Decimal(f"{value:.15g}")
    if abs(exact) >= 10**15:
        return f"{exact.normalize():E}"
    if re.fullmatch("0+", shown_as) and value >= 0 and exact == int(exact):
        return str(int(exact)).zfill(len(shown_as))
    if re.search(r"[0#]%", shown_as):
        return f"{(exact * 100).normalize():f}%"
    return f"{exact:f}"
