"""The one search of the admin."""

from collections.abc import Callable

from larder.orders.models import Order
from tests.conftest import Person
from tests.staff.desk import Desk, allow
from tests.staff.moving import place


def found(who: Person, term: str) -> set[str]:
    page = Desk(who).get("search/", s=term)
    return {result.title for result in page.response.context["results"]}


def test_the_search_finds_what_the_member_of_staff_may_see(
    boss: Person, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    mary, jam = person("stockwell"), product(name="Stock pot", stock=5)
    place(mary, jam, 1)
    number = f"#{Order.objects.get().number}"
    assert found(boss, "stockwell") == {number, "stockwell"}
    assert found(boss, number) >= {number}
    assert found(boss, "stock") == {
        *(number, "stockwell", "Stock pot"),
        *("Stock", "Adjust stock", "Count stock"),
    }
    clerk = allow(person(is_staff=True), "catalog.view_product")
    assert found(clerk, "stock") == {"Stock pot", "Stock"}
    assert number not in found(clerk, number)
    packer = allow(person(is_staff=True), "orders.view_order")
    assert found(packer, "stockwell") == {number}
