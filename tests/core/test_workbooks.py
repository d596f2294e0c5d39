"""Workbooks as spreadsheets save them, and as attackers make them."""

import io
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile

import openpyxl  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from larder.core import workbooks
from larder.core.limits import MAX_WORKBOOK_BYTES
from larder.core.workbooks import UnreadableWorkbook, rows

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
PARTS: Mapping[str, str] = {
    "_rels/.rels": f'<Relationships xmlns="{RELS}"><Relationship Id="r1" '
    f'Type="{RELATED}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATED}"><sheets>'
    '<sheet name="Old" sheetId="1" state="hidden" r:id="r2"/>'
    '<sheet name="Prices" sheetId="2" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{RELS}">'
    f'<Relationship Id="r1" Type="{RELATED}/worksheet" Target="/xl/worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{RELATED}/worksheet" Target="worksheets/sheet2.xml"/>'
    f'<Relationship Id="r3" Type="{RELATED}/sharedStrings" Target="shared.xml"/>'
    f'<Relationship Id="r4" Type="{RELATED}/styles" Target="styles.xml"/></Relationships>',
    "xl/shared.xml": f'<sst xmlns="{MAIN}"><si><t>Jam</t></si><si><r><t>Red </t></r><r><t>jam</t>'
    "</r><rPh><t>ignored</t></rPh></si></sst>",
    "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="164" '
    'formatCode="[$-407]d. mmm yyyy"/><numFmt numFmtId="165" formatCode="0.00&quot; days&quot;"/>'
    '</numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/>'
    '<xf numFmtId="9"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>',
}


def packed(
    sheet: str, parts: Mapping[str, str | bytes] | None = None, *, method: int = ZIP_DEFLATED
) -> bytes:
    """A workbook with this content of its sheet, and other parts in place of PARTS."""
    body = f'<worksheet xmlns="{MAIN}"><sheetData>{sheet}</sheetData></worksheet>'
    file = io.BytesIO()
    with ZipFile(file, "w", method) as archive:
        for name, text in {**PARTS, "xl/worksheets/sheet1.xml": body, **(parts or {})}.items():
            archive.writestr(name, text)
    return file.getvalue()


def read(*cells: str) -> list[str]:
    """The texts of one row."""
    (row,) = rows(packed(f'<row r="1">{"".join(cells)}</row>'))
    return row


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('<c r="A1" t="s"><v>0</v></c>', "Jam"),
        ('<c r="A1" t="s"><v>1</v></c>', "Red jam"),
        ('<c r="A1" t="inlineStr"><is><t>a_x000D_\nb</t></is></c>', "a\nb"),
        ('<c r="A1"><v>2.4500000000000002</v></c>', "2.45"),
        ('<c r="A1"><v>0.30000000000000004</v></c>', "0.3"),
        ('<c r="A1"><v>4006381333931</v></c>', "4006381333931"),
        ('<c r="A1"><v>1E-3</v></c>', "0.001"),
        ('<c r="A1"><v>40</v></c>', "40"),
        ('<c r="A1" s="1"><v>0.2</v></c>', "20%"),
        ('<c r="A1" s="2"><v>46354</v></c>', "2026-11-28"),
        ('<c r="A1" s="2"><v>46354.5</v></c>', "2026-11-28T12:00:00"),
        ('<c r="A1" s="3"><v>7</v></c>', "7"),
        ('<c r="A1" t="b"><v>1</v></c>', "TRUE"),
        ('<c r="A1" t="e"><v>#N/A</v></c>', "#N/A"),
        ('<c r="A1"><f>A2*1.05</f><v>2.5725</v></c>', "2.5725"),
        ('<c r="A1" t="str"><f>CONCAT(A2)</f><v>Jam</v></c>', "Jam"),
        ("<c><v>1</v></c>", "1"),
    ],
)
def test_a_cell_is_read_as_the_spreadsheet_shows_it(cell: str, text: str) -> None:
    assert read(cell) == [text]


def test_cells_and_rows_that_are_left_out_are_empty_and_those_at_the_end_are_not_there() -> None:
    sheet = (
        '<row r="2"><c r="B2"><v>1</v></c><c r="C2"/></row><row r="3"><c r="A3" s="1"/></row>'
        '<row r="5"><c r="A5"><v>2</v></c></row><row r="900000"><c r="A900000"/></row>'
    )
    assert list(rows(packed(sheet))) == [[], ["", "1"], [], [], ["2"]]


def test_a_formula_without_a_value_is_refused_with_its_place() -> None:
    with pytest.raises(UnreadableWorkbook, match="Cell B7 has a formula without a value"):
        list(rows(packed('<row r="7"><c r="B7"><f>1+1</f><v></v></c></row>')))


CELLS = st.one_of(
    st.decimals(0, 999_999, places=3).filter(lambda one: one != 0),
    st.integers(-(10**14), 10**14),
    st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20).filter(
        lambda one: not one.startswith("=") and "_x" not in one
    ),
)


@given(st.lists(st.lists(CELLS, min_size=1, max_size=5), min_size=1, max_size=5))
def test_a_workbook_of_another_library_is_read_without_loss(table: list[list[Any]]) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in table:
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    for written, found in zip(table, rows(file.getvalue()), strict=True):
        assert len(written) == len(found)
        for cell, text in zip(written, found, strict=True):
            assert text == cell if isinstance(cell, str) else Decimal(text) == cell


def test_dates_of_another_library_are_read_as_days() -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append([date(2026, 11, 28), datetime(2026, 11, 28, 9, 30)])  # noqa: DTZ001
    file = io.BytesIO()
    book.save(file)
    assert list(rows(file.getvalue())) == [["2026-11-28", "2026-11-28T09:30:00"]]


LAUGHS = (
    '<!DOCTYPE sst [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    f'<sst xmlns="{MAIN}"><si><t>&b;</t></si></sst>'
)
OUTSIDE = (
    '<!DOCTYPE sst [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    f'<sst xmlns="{MAIN}"><si><t>&a;</t></si></sst>'
)
ONE = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'


@pytest.mark.parametrize(
    "shared", [LAUGHS, OUTSIDE, f'<!DOCTYPE sst><sst xmlns="{MAIN}"><si><t>a</t></si></sst>']
)
def test_entities_and_document_types_are_refused(shared: str) -> None:
    with pytest.raises(UnreadableWorkbook):
        list(rows(packed(ONE, {"xl/shared.xml": shared})))
    with pytest.raises(UnreadableWorkbook):
        list(rows(packed(ONE, {"xl/shared.xml": shared.encode("utf-16")})))


@pytest.mark.parametrize(
    "sheet",
    [
        '<row r="2"/><row r="1"/>',
        '<row r="1048577"><c r="A1"><v>1</v></c></row>',
        '<row r="1"><c r="B1"><v>1</v></c><c r="A1"><v>1</v></c></row>',
        '<row r="1"><c r="IW1"><v>1</v></c></row>',
        '<row r="1"><c r="Ä1"><v>1</v></c></row>',
        '<row r="x"/>',
        '<row r="1"><c r="A1" t="s"><v>9</v></c></row>',
        '<row r="1"><c r="A1" s="9"><v>9</v></c></row>',
        '<row r="1"><c r="A1"><v>nan</v></c></row>',
        '<row r="1"><c r="A1"><v>1e999</v></c></row>',
        '<row r="1"><c r="A1" s="2"><v>1e15</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></row>',
        f'<row r="1">{"<a>" * 200}{"</a>" * 200}</row>',
        "<row " + "".join(f"a{n}='' " for n in range(100_000)) + "/>",
    ],
)
def test_a_sheet_that_no_spreadsheet_writes_is_refused(sheet: str) -> None:
    with pytest.raises(UnreadableWorkbook):
        list(rows(packed(sheet)))


def test_a_file_that_unpacks_to_more_than_the_limit_is_not_unpacked() -> None:
    spaces = " " * (MAX_WORKBOOK_BYTES + 1)
    bomb = packed(spaces)
    assert len(bomb) < MAX_WORKBOOK_BYTES / 100
    with pytest.raises(UnreadableWorkbook, match="when it is unpacked"):
        list(rows(bomb))


def test_a_long_text_that_many_cells_share_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_WORKBOOK_BYTES", 100_000)
    long = f'<sst xmlns="{MAIN}"><si><t>{"a" * 30_000}</t></si></sst>'
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 5))
    with pytest.raises(UnreadableWorkbook, match="when it is unpacked"):
        list(rows(packed(cells, {"xl/shared.xml": long})))


def test_a_size_that_the_archive_does_not_have_is_refused() -> None:
    """The directory says that the sheet is small. No more than that is read."""
    whole = packed(ONE + " " * 100_000)
    size = len(f'<worksheet xmlns="{MAIN}"><sheetData>{ONE}</sheetData></worksheet>') + 100_000
    lying = whole.replace(size.to_bytes(4, "little"), (50).to_bytes(4, "little"))
    assert lying != whole
    with pytest.raises(UnreadableWorkbook):
        list(rows(lying))


@pytest.mark.parametrize(
    "raw",
    [
        b"PK\x03\x04",
        packed(ONE)[:400],
        packed(ONE).replace(b"xl/workbook.xml", b"xl/workbOOk.xml"),
        packed(ONE, method=ZIP_BZIP2),
        packed(ONE, {"_rels/.rels": f'<Relationships xmlns="{RELS}"/>'}),
        packed(ONE, {"xl/workbook.xml": f'<workbook xmlns="{MAIN}"/>'}),
    ],
)
def test_a_damaged_file_is_refused(raw: bytes) -> None:
    with pytest.raises(UnreadableWorkbook, match="damaged"):
        list(rows(raw))


def test_a_changed_byte_is_refused_or_read_and_never_fails_otherwise() -> None:
    whole, refused = packed(ONE), 0
    places = range(0, len(whole), 7)
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 0x55
        try:
            list(rows(bytes(changed)))
        except UnreadableWorkbook:
            refused += 1
    assert 0 < refused <= len(places)
