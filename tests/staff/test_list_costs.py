"""What a list of 50 rows of the admin costs."""

from collections.abc import Callable

import pytest

from larder.core.clock import now as clock
from larder.core.limits import LISTED_ROWS
from larder.orders.decision import Wanted
from larder.orders.services.place_order import place_order
from larder.orders.services.placement import Placement, Terms
from larder.staff import lists
from tests.conftest import Person
from tests.staff.desk import Desk

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
    for number in range(LISTED_ROWS + 5):
        who, one = person(f"customer {number}"), product(name=f"Jam {number}", stock=50)
        asked = Placement(customer=who.id, actor=who.customer.public_id, lines=[Wanted(one, 2)])
        place_order(asked, terms=Terms(currency="GBP"), now=clock())


def test_a_list_takes_few_statements_and_few_bytes(desk: Desk, rows: None) -> None:
    assert {path: desk.queries(path) for path in STATEMENTS} == STATEMENTS
    for path in STATEMENTS:
        answer = desk.client.get(f"/admin/{path}", headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip"
        assert len(answer.context["cl"].result_list) == LISTED_ROWS
        assert len(answer.content) < MOST_BYTES, path


def test_the_headers_and_the_check_box_of_a_list_are_made_once(
    desk: Desk, rows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    headers = lists._headers

    def counted(page: object) -> object:
        made.append(page)
        return headers(page)

    monkeypatch.setattr(lists, "_headers", counted)
    page = desk.get("inventory/stock/")
    assert len(made) == 1
    # Actions are of products.
    page = desk.get("catalog/product/")
    assert [f'value="{one.pk}" class="appearance' in page.text for one in page.rows] == [
        True
    ] * LISTED_ROWS
