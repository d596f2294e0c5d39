"""Exports of the admin."""

import csv
import io
from collections.abc import Callable
from datetime import datetime

import openpyxl  # type: ignore[import-untyped]
import pytest

from larder.catalog.services.categories import create_category
from larder.catalog.services.products import archive_product
from larder.core import per_key
from larder.staff import exports
from larder.staff.exports import BoundedExport
from tests.conftest import NOW, Person
from tests.staff.desk import Desk, Page


@pytest.fixture
def desk(person: Callable[..., Person]) -> Desk:
    return Desk(person(is_staff=True, is_superuser=True))


def table(page: Page) -> list[dict[str, str]]:
    """The rows of a CSV file, as a spreadsheet would read it."""
    assert "attachment" in page.response["Content-Disposition"]
    text = page.response.content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def export(desk: Desk, place: str, query: str = "") -> Page:
    return desk.post(f"{place}export/{query}", {"format": "0"})


def test_products_are_exported_with_price_currency_and_stock(
    desk: Desk, product: Callable[..., int]
) -> None:
    product(sku="JAM", name="Jam", price="2.25", stock=7)
    (row,) = table(export(desk, "catalog/product/"))
    assert (row["sku"], row["name"], row["price"], row["currency"], row["available"]) == (
        "JAM",
        "Jam",
        "2.25",
        "GBP",
        "7",
    )
    assert row["updated_at"] == "2026-01-02T03:04:05+00:00"


@pytest.mark.parametrize("format", range(len(exports._FORMATS)))
def test_one_file_is_made_at_a_time(
    desk: Desk, product: Callable[..., int], monkeypatch: pytest.MonkeyPatch, format: int
) -> None:
    product()
    monkeypatch.setattr(per_key, "LONGEST_WAIT", 0.01)
    chosen = {"format": str(format)}
    with exports._files.turn():
        busy = desk.post("catalog/product/export/", chosen)
        assert busy.status == 503
        assert int(busy.response.headers["Retry-After"]) in {1, 2, 3}
        assert desk.get("catalog/product/export/").status == 200
    assert (
        "attachment"
        in desk.post("catalog/product/export/", chosen).response.headers["Content-Disposition"]
    )


def test_stock_is_exported_with_units_on_the_shelf(desk: Desk, product: Callable[..., int]) -> None:
    product(sku="JAM", stock=7)
    (row,) = table(export(desk, "inventory/stock/"))
    assert (row["sku"], row["available"], row["committed"], row["on_shelf"]) == (
        "JAM",
        "7",
        "0",
        "7",
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        *(("=1+1", "'=1+1"), ("\u200b=1", "'\u200b=1"), ("tea; =1", "tea; '=1")),
    ],
)
def test_text_that_a_spreadsheet_would_calculate_is_defused(
    desk: Desk, product: Callable[..., int], text: str, written: str
) -> None:
    product(sku=f"{text}x", name=text, description=text, unit=text)
    (row,) = table(export(desk, "catalog/product/"))
    assert [row[name] for name in ("name", "description", "unit")] == [written] * 3
    assert row["sku"] == f"{written}x"
    (stock,) = table(export(desk, "inventory/stock/"))
    assert stock["name"] == written


def test_a_workbook_has_numbers_as_numbers_and_no_formula(
    desk: Desk, product: Callable[..., int]
) -> None:
    product(sku="=1+1", name="-2+3", price="2.25", stock=7)
    page = desk.post("catalog/product/export/", {"format": "1"})
    sheet = openpyxl.load_workbook(io.BytesIO(page.response.content)).active
    names, cells = list(sheet.rows)
    row = {name.value: cell for name, cell in zip(names, cells, strict=True)}
    assert (row["sku"].value, row["name"].value) == ("'=1+1", "'-2+3")
    assert (row["price"].value, row["available"].value) == (2.25, 7)
    assert "f" not in {cell.data_type for cell in cells}


def test_text_with_characters_that_no_workbook_can_have_is_exported(
    desk: Desk, product: Callable[..., int]
) -> None:
    """Customers can write them into the note of an order."""
    tea = create_category(name="Tea\x01", parent=None, caller=None, now=NOW).id
    product(sku="JAM", category_id=tea, description="a\tb\x01\x0b\x1f\ufffe\uffffc")
    page = desk.post("catalog/product/export/", {"format": "1"})
    sheet = openpyxl.load_workbook(io.BytesIO(page.response.content)).active
    names, cells = list(sheet.values)
    row = dict(zip(names, cells, strict=True))
    assert row["description"] == f"a\tb{5 * chr(0xFFFD)}c"
    assert row["category"] == f"Tea{chr(0xFFFD)}"


def test_an_export_has_the_search_and_filters_of_the_list(
    desk: Desk, product: Callable[..., int], now: datetime
) -> None:
    product(name="Tea")
    jam, old = product(name="Jam"), product(name="Old jam")
    archive_product(old, caller=None, now=now)
    names = [row["name"] for row in table(export(desk, "catalog/product/", "?q=jam"))]
    assert names == ["Jam"]
    assert "export/?q=jam" in desk.get("catalog/product/", q="jam").text
    rows = table(export(desk, "catalog/product/", "?archived=yes"))
    assert [row["name"] for row in rows] == ["Old jam"]
    assert jam


def test_a_list_that_is_too_long_for_one_file_is_refused(
    desk: Desk, product: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedExport, "most_exported", 2)
    for _ in range(3):
        product()
    page = export(desk, "catalog/product/")
    assert "More than 2 rows." in page.errors["__all__"][0]
