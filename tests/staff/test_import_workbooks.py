"""Workbooks of products that staff import in the admin."""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from io import BytesIO

import openpyxl  # type: ignore[import-untyped]

from larder.catalog.models import Product
from larder.catalog.services.categories import create_category
from tests.conftest import NOW
from tests.staff.desk import Desk
from tests.staff.importing import confirm, send, shown, shown_faults, upload


def as_workbook(*rows: tuple[object, ...]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append(row)
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def test_a_workbook_is_imported_as_a_file_with_the_same_cells(
    desk: Desk, product: Callable[..., int]
) -> None:
    product(sku="JAM", name="Jam", price="1.50")
    page = upload(
        desk,
        as_workbook(
            ("SKU", "name", "price", "quantity", "barcode"),
            ("JAM", "Red jam", 2.45, 7, 4006381333931),
            (),
            ("TEA", "Green\ntea", Decimal("0.125"), 3, None),
        ),
    )
    assert [(sku, re.split(" {2,}", text.strip())) for sku, text in shown(page)] == [
        ("JAM", ["changed", "name: Jam → Red jam", "price: 1.50 → 2.45",
                 "barcode: – → 4006381333931"]),
        ("TEA", ["new", "name: Green\ntea", "price: 0.125", "quantity: 3"]),
    ]  # fmt: skip
    assert confirm(desk, page).messages == ["1 added, 1 changed, 0 the same."]
    tea = Product.objects.get(sku="TEA")
    assert (tea.name, tea.price, tea.barcode) == ("Green\ntea", Decimal("0.125"), "")


def test_the_faults_of_a_workbook_have_the_numbers_of_its_rows(desk: Desk) -> None:
    page = send(
        desk,
        as_workbook(
            ("sku", "name", "price"),
            ("JAM", "Red\njam", "free"),
            (),
            ("TEA", "Tea", datetime(2026, 11, 28)),  # noqa: DTZ001
            ("MUD", "Mud", 1, "more"),
        ),
    )
    assert [(row[0], row[1]) for row in shown_faults(page)] == [
        (2, "price"),
        (4, "price"),
        (5, "–"),
    ]
    assert "found “2026-11-28 00:00:00”" in page.text
    damaged = as_workbook(("sku", "name", "price"))[:-40]
    (fault,) = shown_faults(send(desk, damaged))
    assert fault[2].startswith("This is no workbook, or it is damaged.")


def test_an_exported_workbook_changes_nothing_and_imports_what_was_changed_in_it(
    desk: Desk, product: Callable[..., int]
) -> None:
    tea = create_category(name="-Tea", parent=None, caller=None, now=NOW).id
    rate = Decimal("5.50")
    product(sku="=1+1", name="-2", price="2.455", category_id=tea, tax_rate=rate, unit="'@x")
    product(sku="0012", name="1.0", price="0.1", barcode="0004006381333931", description="a\nb")
    before = list(Product.objects.order_by("id").values())
    answer = desk.get("catalog/product/export/").response
    assert send(desk, answer.content).messages == ["0 added, 0 changed, 2 the same."]
    assert list(Product.objects.order_by("id").values()) == before
    book = openpyxl.load_workbook(BytesIO(answer.content))
    columns = [cell.value for cell in book.active[1]]
    book.active.cell(2, columns.index("price") + 1, 2.45)
    saved = BytesIO()
    book.save(saved)
    assert send(desk, saved.getvalue()).messages == ["0 added, 1 changed, 1 the same."]
    assert sorted(Product.objects.values_list("price", flat=True)) in (
        [Decimal("0.100"), Decimal("2.450")],
        [Decimal("2.450"), Decimal("2.455")],
    )
