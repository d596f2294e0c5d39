"""Reads the first sheet of a workbook (XLSX, ISO/IEC 29500) as rows of text.

The parts of the file are read piece by piece, and never as a whole: a library that makes a tree of
a part needs many times its bytes (ADR 69). Nothing is evaluated. Of a formula the file has the
value that the spreadsheet showed last; that value is read. A document type is refused, and with it
all entities.
"""

import math
import posixpath
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import IO
from xml.parsers import expat  # nosec B406: document types are refused
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from larder.core.limits import MAX_WORKBOOK_BYTES, MAX_WORKBOOK_COLUMNS

_BEGIN = b"PK\x03\x04"
_PIECE = 64 * 1024

_MOST_ROWS = 2**20
"""No spreadsheet has more."""

_MOST_DEPTH = 100
"""Elements inside of each other. A sheet has some ten."""

_MOST_UNPARSED = 4 * _PIECE
"""Bytes of one tag: expat keeps its attributes in memory."""


class UnreadableWorkbook(Exception):
    """A workbook that cannot be read. The argument is a sentence for staff."""


def is_workbook(raw: bytes) -> bool:
    """Returns whether a file is a workbook, or another ZIP archive, by its first bytes."""
    return raw.startswith(_BEGIN)


def rows(raw: bytes) -> Iterator[list[str]]:
    """Yields the rows of the first visible sheet, without the empty cells at their ends. Empty rows
    before a filled one are in it; those after the last filled one are not.

    Raises UnreadableWorkbook, also for a file of more than MAX_WORKBOOK_BYTES when it is unpacked,
    or of more characters in its cells.
    """
    with _readable(), ZipFile(BytesIO(raw)) as archive:
        book = _Book(archive)
        sheet = book.first_sheet()
        number = characters = 0
        for row, cells in _filled_rows(book.events(sheet), book):
            characters += sum(map(len, cells))
            if characters > MAX_WORKBOOK_BYTES:
                raise UnreadableWorkbook(_TOO_LARGE)
            yield from ([] for _ in range(number + 1, row))
            yield cells
            number = row


_DAMAGED = "This is no workbook, or it is damaged. Save the file again, as XLSX or as CSV."
_TOO_LARGE = f"The workbook has more than {MAX_WORKBOOK_BYTES:,} bytes when it is unpacked."
_NO_VALUE = (
    "Cell {} has a formula without a value. Open the file in a spreadsheet and save it, or replace "
    "the formula by its value."
)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (
        *(BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError),
        *(expat.ExpatError, KeyError, IndexError, ValueError, OverflowError),
    ) as error:
        raise UnreadableWorkbook(_DAMAGED) from error


_Event = tuple[str, Mapping[str, str] | None, str]
"""The begin of an element: its name and attributes; or its end: its name, None, and its text."""


def _events(part: IO[bytes]) -> Iterator[_Event]:
    """Yields the elements of a part, with names without their namespaces."""
    events, text, depth, read = list[_Event](), list[str](), 0, 0
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MOST_DEPTH:
            refuse()
        text.clear()
        events.append((_local(name), attributes, ""))

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        events.append((_local(name), None, "".join(text)))
        text.clear()

    def refuse(*_: object) -> None:
        raise UnreadableWorkbook(_DAMAGED)

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text.append
    parser.StartDoctypeDeclHandler = refuse
    while piece := part.read(_PIECE):
        parser.Parse(piece, False)  # noqa: FBT003
        read += len(piece)
        if read - parser.CurrentByteIndex > _MOST_UNPARSED:
            refuse()
        yield from events
        events.clear()
    parser.Parse(b"", True)  # noqa: FBT003
    yield from events


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


class _Book:
    """The parts of a workbook: where its sheet is, its shared texts and its formats of numbers."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive, self._unpacked, self.begins = archive, 0, _DAY_0
        (self._part,) = self._related("", "officeDocument").values()
        self.texts = list(self._of_all("sharedStrings", _texts))
        self.formats = list(self._of_all("styles", _formats))

    def _of_all(
        self, kind: str, read: Callable[[Iterator[_Event]], Iterator[str]]
    ) -> Iterator[str]:
        for part in self._related(self._part, kind).values():
            yield from read(self.events(part))

    def events(self, part: str) -> Iterator[_Event]:
        """Yields the elements of a part. zipfile reads no further than the size that is checked
        here."""
        entry = self._archive.getinfo(part)
        self._unpacked += entry.file_size
        if self._unpacked > MAX_WORKBOOK_BYTES:
            raise UnreadableWorkbook(_TOO_LARGE)
        if entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
            raise UnreadableWorkbook(_DAMAGED)
        with self._archive.open(entry) as opened:
            yield from _events(opened)

    def _related(self, part: str, kind: str) -> dict[str, str]:
        """Returns the related parts of a kind, by their ids."""
        folder, name = posixpath.split(part)
        found = {}
        for _, one, _ in self.events(posixpath.join(folder, "_rels", f"{name}.rels")):
            if one and one.get("Type", "").endswith(f"/{kind}"):
                target = posixpath.join("/", folder, one["Target"])
                found[one["Id"]] = posixpath.normpath(target).lstrip("/")
        return found

    def first_sheet(self) -> str:
        """Returns the part of the first visible sheet, and notes when the workbook's days begin."""
        sheets = self._related(self._part, "worksheet")
        found = ""
        for name, attributes, _ in self.events(self._part):
            if name == "workbookPr" and attributes and attributes.get("date1904") in _TRUE:
                self.begins = _DAY_0_OF_1904
            if name == "sheet" and attributes and not found and _is_visible(attributes):
                ids = [one for key, one in attributes.items() if key.endswith(" id")]
                found = sheets.get(ids[0], "")
        if not found:
            raise UnreadableWorkbook(_DAMAGED)
        return found


_TRUE = {"1", "true"}


def _is_visible(sheet: Mapping[str, str]) -> bool:
    return sheet.get("state", "visible") == "visible"


_DAY_0, _DAY_0_OF_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001


def _texts(events: Iterator[_Event]) -> Iterator[str]:
    """Yields the shared texts, without the readings of East Asian ones."""
    parts, reading = list[str](), False
    for name, attributes, text in events:
        if name == "rPh":
            reading = attributes is not None
        elif name == "t" and attributes is None and not reading:
            parts.append(text)
        elif name == "si" and attributes is None:
            yield _unescaped("".join(parts))
            parts = []


_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


def _unescaped(text: str) -> str:
    """Returns a text with the characters that a workbook writes as `_x000D_`."""
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text).replace("\r\n", "\n")


_DATE, _PERCENT = "date", "percent"
_DATES = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_PERCENTS = {9, 10}
_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.')


def _formats(events: Iterator[_Event]) -> Iterator[str]:
    """Yields for each style of cells whether it shows numbers as dates, as percent or plainly."""
    own, in_cells = dict[int, str](), False
    for name, attributes, _ in events:
        if name == "cellXfs":
            in_cells = attributes is not None
        elif attributes is None:
            continue
        elif name == "numFmt":
            own[int(attributes["numFmtId"])] = _kind(attributes.get("formatCode", ""))
        elif name == "xf" and in_cells:
            number = int(attributes.get("numFmtId", "0"))
            known = _DATE if number in _DATES else _PERCENT if number in _PERCENTS else ""
            yield own.get(number, known)


def _kind(code: str) -> str:
    shown = _LITERAL.sub("", code).lower()
    return _PERCENT if "%" in shown else _DATE if re.search("[ymdhs]", shown) else ""


class _Cell:
    """A cell while it is read."""

    def __init__(self, attributes: Mapping[str, str], after: int) -> None:
        self.place = attributes.get("r", "")
        self.column = _column(self.place) if self.place else after + 1
        self.kind, self.style = attributes.get("t", "n"), int(attributes.get("s", "0"))
        self.parts, self.has_formula = list[str](), False

    def text(self, book: _Book) -> str:
        """Returns the value as a text. Raises UnreadableWorkbook."""
        value = "".join(self.parts)
        if self.has_formula and not value and self.kind != "str":
            raise UnreadableWorkbook(_NO_VALUE.format(self.place))
        if self.kind == "s":
            return book.texts[int(value)]
        if self.kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        if self.kind == "n" and value:
            kind = book.formats[self.style] if book.formats else ""
            return _number(value, kind, book.begins)
        return _unescaped(value)


_PLACE = re.compile("([A-Z]{1,3})[0-9]{1,7}")


def _column(place: str) -> int:
    found, number = _PLACE.fullmatch(place), 0
    if found is None:
        raise UnreadableWorkbook(_DAMAGED)
    for letter in found[1]:
        number = number * 26 + ord(letter) - 64
    return number


def _number(written: str, kind: str, begins: datetime) -> str:
    """Returns a number as spreadsheets show it, with up to 15 digits: they store 2.45 as the
    nearest binary fraction. Percent have their sign, and dates are written as in ISO 8601."""
    value = float(written)
    if not math.isfinite(value):
        raise UnreadableWorkbook(_DAMAGED)
    exact = Decimal(f"{value:.15g}")
    if kind == _DATE:
        at = begins + timedelta(seconds=round(float(exact) * 86_400))
        return str(at.date() if float(exact).is_integer() else at.isoformat())
    return f"{(exact * 100).normalize():f}%" if kind == _PERCENT else f"{exact:f}"


def _filled_rows(events: Iterator[_Event], book: _Book) -> Iterator[tuple[int, list[str]]]:
    """Yields each row that has a filled cell, with its number."""
    number, row, cell, reading = 0, list[str](), None, False
    for name, attributes, text in events:
        if name == "rPh":
            reading = attributes is not None
        elif attributes is not None:
            if name == "row":
                number, row = _row_number(attributes, number), []
            elif name == "c":
                cell = _Cell(attributes, len(row))
        elif name == "row" and row:
            yield number, row
        elif cell is not None and name == "c":
            _add(row, cell.column, cell.text(book))
            cell = None
        elif cell is not None and name == "f":
            cell.has_formula = True
        elif cell is not None and (name == "v" or (name == "t" and not reading)):
            cell.parts.append(text)


def _row_number(attributes: Mapping[str, str], after: int) -> int:
    number = int(attributes.get("r", after + 1))
    if not after < number <= _MOST_ROWS:
        raise UnreadableWorkbook(_DAMAGED)
    return number


def _add(row: list[str], column: int, text: str) -> None:
    """Adds a filled cell to its row, after empty ones for those that are left out."""
    if not text:
        return
    if column > MAX_WORKBOOK_COLUMNS:
        raise UnreadableWorkbook(f"The workbook has more than {MAX_WORKBOOK_COLUMNS} columns.")
    if column <= len(row):
        raise UnreadableWorkbook(_DAMAGED)
    row += [""] * (column - len(row) - 1)
    row.append(text)
