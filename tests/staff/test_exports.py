"""Exports of the admin."""

import io
from collections.abc import Callable
from datetime import datetime
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from larder.catalog.services.categories import create_category
from larder.catalog.services.products import archive_product
from larder.staff import exports
from tests.conftest import NOW, Person
from tests.staff.desk import Desk


@pytest.fixture
def desk(person: Callable[..., Person]) -> Desk:
    return Desk(person(is_staff=True, is_superuser=True))


def export(desk: Desk, query: str = "") -> list[dict[str, Any]]:
    """The rows of the file."""
    answer = desk.get(f"catalog/product/export/{query}").response
    assert "attachment" in answer["Content-Disposition"]
    names, *rows = openpyxl.load_workbook(io.BytesIO(answer.content)).active.values
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_products_are_exported_with_price_currency_and_stock(
    desk: Desk, product: Callable[..., int]
) -> None:
    product(sku="JAM", name="Jam", price="2.25", stock=7)
    (row,) = export(desk)
    names = ("sku", "name", "price", "currency", "available", "committed")
    assert [row[name] for name in names] == ["JAM", "Jam", 2.25, "GBP", 7, 0]
    assert row["updated_at"] == "2026-01-02T03:04:05+00:00"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        *(("=1+1", "'=1+1"), ("\u200b=1", "\u200b'=1"), ("tea; =1", "tea; '=1")),
    ],
)
def test_text_that_a_spreadsheet_would_calculate_is_defused(
    desk: Desk, product: Callable[..., int], text: str, written: str
) -> None:
    product(sku=f"{text}x", name=text, description=text, unit=text)
    (row,) = export(desk)
    assert [row[name] for name in ("name", "description", "unit")] == [written] * 3
    assert row["sku"] == f"{written}x"


def test_text_with_characters_that_no_workbook_can_have_is_exported(
    desk: Desk, product: Callable[..., int]
) -> None:
    """Customers can write them into the note of an order."""
    tea = create_category(name="Tea\x01", parent=None, caller=None, now=NOW).id
    product(sku="JAM", category_id=tea, description="a\tb\x01\x0b\x1f\ufffe\uffffc")
    (row,) = export(desk)
    assert row["description"] == f"a\tb{5 * chr(0xFFFD)}c"
    assert row["category"] == f"Tea{chr(0xFFFD)}"


def test_an_export_has_the_search_and_filters_of_the_list(
    desk: Desk, product: Callable[..., int], now: datetime
) -> None:
    product(name="Tea")
    jam, old = product(name="Jam"), product(name="Old jam")
    archive_product(old, caller=None, now=now)
    assert [row["name"] for row in export(desk, "?q=jam")] == ["Jam"]
    assert "export/?q=jam" in desk.get("catalog/product/", q="jam").text
    assert [row["name"] for row in export(desk, "?archived=yes")] == ["Old jam"]
    assert jam


def test_a_list_that_is_too_long_for_one_file_is_refused(
    desk: Desk, product: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MAX_EXPORTED_ROWS", 2)
    for _ in range(3):
        product()
    page = desk.get("catalog/product/export/")
    assert page.messages == ["More than 2 rows. Narrow the list with a search or a filter."]
