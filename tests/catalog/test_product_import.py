"""The statements that store an imported file write the same rows as the ORM."""

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import assume, given
from hypothesis import strategies as st

from larder.catalog import tables
from larder.catalog.models import Product
from larder.catalog.product_rows import FaultyFile, ProductFile, product_file
from larder.catalog.services import product_import
from larder.catalog.services.products import DEFAULTS
from larder.catalog.tables import decoded_table
from larder.core.spreadsheets import decoded, escape_formula

ROWS: list[dict[str, Any]] = [
    {"sku": "A", "name": "Tea, green", "price": "1.255", "min_quantity": "2", "step": "2"},
    {"sku": "B", "name": "Jam", "price": "2", "description": "Sweet", "max_per_order": "9"},
    {"sku": "C", "name": "Oats", "price": "0.5", "unit": "kg", "barcode": "1", "tax_rate": "7.5"},
]
COLUMNS = ("sku", "name", "price", "description", "unit", "barcode", "min_quantity", "step")
FIELDS = ("sku", "name", "price", *DEFAULTS, "version", "created_at", "updated_at", "archived_at")


def file(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> ProductFile:
    lines = [",".join(columns)]
    lines += [",".join(f'"{row.get(name, "")}"' for name in columns) for row in rows]
    return product_file(decoded_table("\n".join(lines).encode()), "GBP")


def store(rows: list[dict[str, Any]], columns: tuple[str, ...], now: datetime) -> None:
    with transaction.atomic():
        changes = product_import.compare(file(rows, columns), lock=True)
        list(product_import.store(changes, now=now))


def by_hand(rows: list[dict[str, Any]], columns: tuple[str, ...], now: datetime) -> None:
    """The rows through the ORM, one after the other."""
    for row in rows:
        cells = {name: row.get(name) or DEFAULTS.get(name) for name in columns}
        known = Product.objects.filter(sku=row["sku"])
        if not known:
            Product.objects.create(**cells, created_at=now, updated_at=now)
        elif not known.filter(**cells):
            known.update(**cells, version=F("version") + 1, updated_at=now)


def of_this_shop() -> list[tuple[Any, ...]]:
    known = Product.objects.exclude(sku__startswith="old ")
    return list(known.order_by("sku").values_list(*FIELDS))


@pytest.mark.parametrize("columns", [COLUMNS, (*COLUMNS, "max_per_order", "tax_rate"), COLUMNS[:3]])
def test_an_import_writes_what_the_orm_would(
    product: Callable[..., int], now: datetime, columns: tuple[str, ...]
) -> None:
    later = now + timedelta(days=1)

    def shop() -> None:
        product(sku="A", name="Tea", price="1", unit="box", max_per_order=6, tax_rate=Decimal(20))
        product(sku="B", name="Jam", price="2.00", description="Sweet", max_per_order=9)

    shop()
    by_hand(ROWS, columns, later)
    expected = of_this_shop()
    # Products are never deleted: theirs are other SKUs from here on.
    for row in Product.objects.all():
        Product.objects.filter(id=row.id).update(sku=f"old {row.id}")
    shop()
    store(ROWS, columns, later)
    assert of_this_shop() == expected


def test_errors_between_rows_are_reported_with_errors_of_single_rows(
    product: Callable[..., int],
) -> None:
    product(sku="A", max_per_order=1)
    rows = [{"sku": "A", "name": "N", "price": "1", "min_quantity": "2"}]
    rows += [{"sku": "B", "name": "", "price": "1"}, {"sku": "C", "name": "N", "price": "1"}]
    rows += [{"sku": "c", "name": "N", "price": "1"}]
    with pytest.raises(FaultyFile) as refused:
        product_import.compare(file(rows, COLUMNS), lock=False)
    assert [(row.line, row.column, row.code) for row in refused.value.rows] == [
        (2, "max_per_order", "out_of_range"),
        (3, "name", "invalid_format"),
        (5, "sku", "duplicate"),
    ]


def test_a_sku_in_another_case_is_that_of_the_product(
    product: Callable[..., int], now: datetime
) -> None:
    jam = product(sku="Jam-1", name="Jam")
    store([{"sku": "jam-1", "name": "Red jam", "price": "1"}], COLUMNS[:3], now)
    assert Product.objects.values_list("id", "sku", "name").get() == (jam, "Jam-1", "Red jam")


TEXTS = st.text(st.sampled_from("=+-@'\";,\t\r\n\u00a0 aé€–1"), max_size=12)


@given(
    TEXTS, st.sampled_from([*",;\t"]), st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"])
)
def test_text_of_an_exported_file_is_read_as_it_was_in_every_form(
    text: str, separator: str, encoding: str
) -> None:
    # é and two of the others are a character of UTF-8 too: such a file is refused as mixed.
    assume(encoding != "cp1252" or text.encode("cp1252").decode(errors="ignore").isascii())
    # This begins a word with an umlaut in Mac Roman.
    assume(encoding != "cp1252" or "€a" not in text)
    written = io.StringIO(newline="")
    rows = [("sku", "name", "price", "description"), ("A", "é", "1", escape_formula(text))]
    csv.writer(written, delimiter=separator).writerows(rows)
    raw = decoded(written.getvalue().encode(encoding))
    (row,) = product_file(decoded_table(raw.encode()), "GBP").rows
    assert row.values["description"] == text


@pytest.mark.parametrize(
    ("separator", "cell", "rate"),
    [(",", "20 %", "20"), (";", "7,5", "7.5"), ("\t", "7,50", "7.50"), (",", "", None)],
)
def test_a_tax_rate_is_read_in_every_form_and_may_be_empty(
    separator: str, cell: str, rate: str | None
) -> None:
    written = io.StringIO(newline="")
    rows = [("sku", "name", "price", "tax_rate"), ("A", "N", "1", cell)]
    csv.writer(written, delimiter=separator).writerows(rows)
    (row,) = product_file(decoded_table(written.getvalue().encode()), "GBP").rows
    assert row.values["tax_rate"] == (Decimal(rate) if rate else None)


def test_a_blank_category_is_none() -> None:
    (row,) = product_file(decoded_table(b"sku,name,price,category\nA,N,1, "), "GBP").rows
    assert row.values["category_id"] is None


@pytest.mark.parametrize("cell", ["100.01", "-1", "20.123", "%", "x"])
def test_a_tax_rate_that_is_none_is_a_fault(cell: str) -> None:
    lines = ["sku,name,price,tax_rate", f"A,N,1,{cell}"]
    faults = product_file(decoded_table("\n".join(lines).encode()), "GBP").faults
    assert [(fault.column, fault.code) for fault in faults] == [("tax_rate", "invalid_format")]


FAULTY: list[tuple[list[str], list[tuple[int, str, str]]]] = [
    (["sku,quantity", "A,1"], [(1, "price", "required")]),
    ([""], [(1, "price", "required"), (1, "sku", "required")]),
    (["sku,name,price,colour", "A,B,1,red"], [(1, "colour", "unknown_field")]),
    (["sku,name,price,name", "A,B,1,C"], [(1, "name", "duplicate")]),
    (["sku,name,price", "A,B", "C,D,1,2"], [(2, "", "wrong_length"), (3, "", "wrong_length")]),
    (["sku,name,price", ",,", "A, ,x", ", ,"], [
        *((3, "name", "invalid_format"), (3, "price", "invalid_format")),
        *((4, name, "invalid_format") for name in ("name", "price", "sku")),
    ]),
    (["sku,name,price", 'A,"x\ny",1', "B,B,-1"], [(4, "price", "invalid_format")]),
    (["sku,name,price", "A,B,1", "A,C,1", "B,D,1", "A,E,1"], [
        (3, "sku", "duplicate"), (5, "sku", "duplicate"),
    ]),
    (["sku,name,price,category,quantity", "A,B,1,99,x"], [(2, "quantity", "wrong_type")]),
    (["sku,name,price,category", "A,B,1,99"], [(2, "category", "unknown_category")]),
    (["sku,name,price,min_quantity,max_per_order", "A,B,1,6,5"], [
        (2, "max_per_order", "out_of_range")
    ]),
    (["sku,name,price,min_quantity,max_per_order,step", "A,B,1,7,8,3", "C,D,1,7,9,3"], [
        (2, "step", "out_of_range")
    ]),
    (["sku,name,price", "A,B\0,1"], [(2, "name", "nul")]),
    (["sku,name,price", "A,B\u202e,1"], [(2, "name", "invalid_format")]),
    (["sku,name,price", 'A,"B" C,1', "D,E,x"], [(2, "", "malformed_csv")]),
    (["sku,name,price", "A,B,x", 'C,"D'], [
        (2, "price", "invalid_format"), (3, "", "malformed_csv"),
    ]),
    (["sku,name,price,quantity", "A,B,1,2147483648"], [(2, "quantity", "out_of_range")]),
]  # fmt: skip


def faults(content: bytes) -> list[tuple[int, str, str]]:
    """The line, column and code of each fault of a file."""
    try:
        product_import.compare(product_file(decoded_table(content), "GBP"), lock=False)
    except FaultyFile as refused:
        return [(fault.line, fault.column, fault.code) for fault in refused.rows]
    return []


@pytest.mark.parametrize(("lines", "expected"), FAULTY)
def test_every_fault_is_named_with_its_line_and_column(
    db: None, lines: list[str], expected: list[tuple[int, str, str]]
) -> None:
    assert faults("\r\n".join(lines).encode()) == expected


def test_a_code_that_a_spreadsheet_has_damaged_is_refused_with_its_place(db: None) -> None:
    rows = b"sku,name,price,barcode\n4.00638E+12,N,1,\nA,N,1,4E+17\n5E-10,4.00638E+12,1,0400638"
    assert faults(rows) == [(2, "sku", "digits_lost"), (3, "barcode", "digits_lost")]


TEXT = "sku,name,price\nA,Café – 5 €,1\n"
MIXED = "sku,name,price\nA,Café,1\n".encode() + "B,Café,1\n".encode("cp1252")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-be"])
def test_the_encodings_of_spreadsheets_are_recognised(encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    text = decoded(f"{mark}{TEXT}".encode(encoding))
    (row,) = product_file(decoded_table(text.encode()), "GBP").rows
    assert row.values["name"] == "Café – 5 €"


@pytest.mark.parametrize(
    ("body", "line", "column"),
    [
        (MIXED, 3, "name"),
        (b"\xef\xbb\xbf" + TEXT.encode("cp1252"), 2, "name"),
        (TEXT.encode("cp1252").replace(b"\x80", b"\x81"), 2, "name"),
        ("sku,name,price\nA,Grün,1\n".encode("mac_roman"), 2, "name"),
        ("sku,name,price\nA,Thé,1\n".encode("mac_roman"), 2, "name"),
        (TEXT.encode("utf-16")[:-3], 2, "price"),
        ("sku,name,price\nA,Γα,1\n".encode() + b"B,Caf\xe9,1\n", 3, "name"),
    ],
)
def test_an_encoding_that_is_not_clear_is_refused_and_not_guessed(
    db: None, body: bytes, line: int, column: str
) -> None:
    assert faults(body) == [(line, column, "invalid_utf8")]


@pytest.mark.parametrize(
    ("separator", "cell", "price"),
    [
        *((",", written, two) for written, two in (("1.25", "1.25"), ("1.234", "1.234"))),
        *((",", f'"{written}"', two) for written, two in (("1,25", "1.25"), ("1,234", None))),
        *((separator, '"£1,234.50"', None) for separator in ",;\t"),
        *((";", written, two) for written, two in (("1,25", "1.25"), ("1.25", "1.25"))),
        *((";", written, two) for written, two in (("1,234", "1.234"), ("0.125", "0.125"))),
        *((";", written, None) for written in ("1.234", "12.34,5", "1.234 £")),
        *(
            (";", written, "2.45")
            for written in ("2,45 £", "£\xa02.45", "2.45 GBP", "gbp 2,45", " 2,45")
        ),
        *((";", written, None) for written in ("2,45 €", "USD 2.45", "2,45 ££", "£", "2 45")),
        *(
            ("\t", written, two)
            for written, two in (("1,25", "1.25"), ("1.5", "1.50"), ("0,125", "0.125"))
        ),
        *(("\t", written, None) for written in ("1.234", "12,345")),
    ],
)
def test_separators_are_recognised_and_a_decimal_mark_is_taken_or_refused_but_not_guessed(
    separator: str, cell: str, price: str | None
) -> None:
    head, row = separator.join(["Sku ", "NAME", "price"]), separator.join(["A", '"x\r\ny"', cell])
    file = product_file(decoded_table("\r\n".join([head, row, separator * 2]).encode()), "GBP")
    assert [row.values["price"] for row in file.rows] == ([Decimal(price)] if price else [])
    assert bool(file.faults) == (price is None)


@pytest.mark.parametrize(
    ("cell", "price"),
    [
        *((text, text.replace(",", ".")) for text in ("3,15", "0,125", "3.15", "1.234")),
        ("3,15 £", "3.15"),
        *((text, None) for text in ("1.234,50 £", "1,234", "3,1,5")),
    ],
)
def test_a_text_of_a_workbook_with_a_decimal_comma_is_an_amount(
    cell: str, price: str | None
) -> None:
    rows = [tables.Row(1, ["SKU", "Price", "Name"]), tables.Row(2, ["A,5", cell, "Tea 1,5"])]
    file = product_file(tables.Table("", rows), "GBP")
    prices = [row.values["price"] for row in file.rows]
    assert prices == ([Decimal(price)] if price else [])
    assert [fault.column for fault in file.faults] == ([] if price else ["price"])
