"""Tables of files as spreadsheets save them, and as attackers make them."""

import io
from collections.abc import Callable
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl  # type: ignore[import-untyped]
import pytest

from larder.catalog import tables
from larder.catalog.tables import MAX_TABLE_BYTES
from larder.core import decoder, limited_child
from larder.core.limited_child import LimitExceeded
from larder.core.limits import MAX_FILE_ROWS

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SHEET, STYLES, TEXTS = "xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/sharedStrings.xml"


def workbook(*rows: tuple[Any, ...], formats: dict[str, str] | None = None) -> bytes:
    """A workbook with these rows; `formats` are the number formats of cells."""
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    for place, shown_as in (formats or {}).items():
        book.active[place].number_format = shown_as
    book.save(file)
    return file.getvalue()


RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
KINDS = {
    "workbook": "sheet.main", "worksheets/sheet1": "worksheet", "styles": "styles",
    "sharedStrings": "sharedStrings",
}  # fmt: skip
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    + "".join(
        f'<Override PartName="/xl/{part}.xml" ContentType="application/'
        f'vnd.openxmlformats-officedocument.spreadsheetml.{kind}+xml"/>'
        for part, kind in KINDS.items()
    )
    + "</Types>",
    "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
    f'Type="{RELATED}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook {MAIN} xmlns:r="{RELATED}"><sheets>'
    '<sheet name="Prices" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{RELATED}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{RELATED}/styles" Target="styles.xml"/>'
    f'<Relationship Id="r3" Type="{RELATED}/sharedStrings" Target="sharedStrings.xml"/>'
    "</Relationships>",
    STYLES: f"<styleSheet {MAIN}><cellXfs><xf/></cellXfs></styleSheet>",
    TEXTS: f"<sst {MAIN}><si><t>sku</t></si></sst>",
}


def made(**parts: str) -> bytes:
    """A workbook with these contents of some of its parts."""
    names = {"sheet": SHEET, "styles": STYLES, "texts": TEXTS}
    file, contents = io.BytesIO(), PARTS | {SHEET: sheet('<row><c t="s"><v>0</v></c></row>')}
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for name, content in (contents | {names[part]: parts[part] for part in parts}).items():
            archive.writestr(name, content)
    return file.getvalue()


def sheet(content: str) -> str:
    return f"<worksheet {MAIN}><sheetData>{content}</sheetData></worksheet>"


def cells(content: bytes) -> list[list[str]]:
    return [row.cells for row in tables.read(content).rows]


def refusal(content: bytes) -> tuple[Any, ...]:
    fault = tables.read(content).fault
    assert fault is not None
    return tuple(fault)


SHOWN: list[tuple[object, str, str]] = [
    ("Red jam", "General", "Red jam"),
    ("007", "@", "007"),
    (2.4500000000000002, "0.00", "2.45"),
    (0.001, "General", "0.001"),
    (4006381333931, "General", "4006381333931"),
    (42, "00000", "00042"),
    (123456, "0000", "123456"),
    (4006381333931000000, "0", "4.006381333931E+18"),
    (0.2, "0%", "20%"),
    (7, '0" %"', "7"),
    (True, "General", "TRUE"),
]
"""Values, their formats, and the texts that a sheet shows."""


def test_a_cell_is_read_as_its_sheet_shows_it() -> None:
    formats = {f"A{row}": shown_as for row, (_, shown_as, _) in enumerate(SHOWN, 2)}
    file = workbook(("sku",), *((value,) for value, _, _ in SHOWN), formats=formats)
    assert cells(file) == [["sku"], *([text] for _, _, text in SHOWN)]


def test_rows_have_the_numbers_of_the_sheet_and_no_empty_ends() -> None:
    rows = tables.read(workbook((None, "sku", None), (), ("A", None))).rows
    assert [*rows] == [(1, ["", "sku"]), (3, ["A"])]


@pytest.mark.parametrize(
    ("text", "separator", "rows"),
    [
        ("sku;price\nA;1,5\n", ";", [(1, ["sku", "price"]), (2, ["A", "1,5"])]),
        ('a\tb\n\n"c\nd"\te\n\nf\tg', "\t", [(1, ["a", "b"]), (3, ["c\nd", "e"]), (6, ["f", "g"])]),
    ],
)
def test_the_separator_of_a_csv_file_is_recognised(
    text: str, separator: str, rows: list[Any]
) -> None:
    table = tables.read(text.encode())
    assert (table.separator, [*table.rows]) == (separator, rows)


STYLE = f"<styleSheet {MAIN}><cellXfs>{{}}</cellXfs></styleSheet>"
TEXT = f"<sst {MAIN}><si><t>{{}}</t></si></sst>"
ENTITIES = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
SHARED = '<row><c t="s"><v>0</v></c></row>'
HOSTILE: dict[str, Callable[[], bytes]] = {
    "corner": lambda: made(sheet=sheet('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')),
    "styles": lambda: made(styles=STYLE.format("<xf/>" * 40_000_000)),
    "entities": lambda: made(
        texts=f'<!DOCTYPE sst [<!ENTITY a0 "ha">{ENTITIES}]>{TEXT.format("&a9;")}'
    ),
    "one long text": lambda: made(sheet=sheet(SHARED * 2_000), texts=TEXT.format("a" * 30_000)),
    "half": lambda: workbook(("sku",))[:400],
    "rows": lambda: b"sku\n" + b"a\n" * (MAX_FILE_ROWS + 1),
    "columns": lambda: b"a," * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_within_the_limits(name: str) -> None:
    line, code, detail, *_ = refusal(HOSTILE[name]())
    assert line >= 1
    assert code in {"unreadable_workbook", "too_long", "too_many"}
    assert detail


def test_a_child_has_no_secrets_and_its_limits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "known")
    monkeypatch.setattr(decoder, "WALL_SECONDS", 1)
    run = limited_child.run
    known = run("tests.core.decoders.environment", b"", most=1_000)
    assert b"SECRET_KEY" not in known
    assert known.endswith(b" []")
    for module in ("memory", "endless", "silent", "crash"):
        with pytest.raises(LimitExceeded):
            run(f"tests.core.decoders.{module}", b"x", most=1_000)
    with pytest.raises(LimitExceeded):
        run("larder.catalog.tables", b"sku\n" + b"x" * 10_000, most=100)
    assert len(run("larder.catalog.tables", b"sku", most=MAX_TABLE_BYTES)) < 100
