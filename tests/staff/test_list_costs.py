"""What a list of 50 rows of the admin costs."""

from collections.abc import Callable
from secrets import token_hex
from typing import Any

import pytest

from larder.catalog.models import Product
from larder.core.limits import LISTED_ROWS
from larder.staff import lists
from tests.conftest import Person
from tests.staff.desk import Desk, fill

pytestmark = pytest.mark.django_db(transaction=True)
MOST_BYTES = 60_000
STATEMENTS = {
    "catalog/product/": 6,
    "identity/customer/": 5,
    "inventory/ledgerentry/": 7,
    "inventory/stock/": 5,
    "orders/order/": 5,
}


@pytest.fixture
def rows(person: Callable[..., Person], product: Callable[..., int]) -> None:
    """A page and more of products with stock, customers, orders and ledger entries."""
    fill(person, product)
    for one in Product.objects.all():
        one.image_url = f"http://testserver/pictures/{token_hex(32)}.webp"
        one.save()


def test_a_list_takes_few_statements_and_few_bytes(desk: Desk, rows: None) -> None:
    assert desk.get("catalog/product/").text.count('class="list-picture"') == LISTED_ROWS
    assert {path: desk.queries(path) for path in STATEMENTS} == STATEMENTS
    for path in STATEMENTS:
        answer = desk.client.get(f"/admin/{path}", headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip"
        assert len(answer.context["cl"].result_list) == LISTED_ROWS
        assert len(answer.content) < MOST_BYTES, path


def test_the_columns_and_the_check_box_of_a_list_are_made_once(
    desk: Desk, rows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    cell = lists._cell

    def counted(page: Any, name: str, header: Any) -> Any:
        made.append(name)
        return cell(page, name, header)

    monkeypatch.setattr(lists, "_cell", counted)
    page = desk.get("catalog/product/")
    assert made == ["action_checkbox", *page.response.context["cl"].model_admin.list_display]
    assert [f'value="{one.pk}" class="appearance' in page.text for one in page.rows] == [
        True
    ] * LISTED_ROWS


def test_links_of_a_list_are_those_of_its_rows_whatever_was_searched(
    desk: Desk, product: Callable[..., int]
) -> None:
    one = product(name=lists._KEY)
    page = desk.get("catalog/product/", q=lists._KEY)
    kept = f"_changelist_filters=q%3D{lists._KEY}"
    assert f'href="/admin/catalog/product/{one}/change/?{kept}"' in page.text
