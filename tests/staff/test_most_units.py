"""The admin moves an order with the maximum number of units of one product."""

from collections.abc import Callable

from larder.core.limits import MAX_ORDERED_UNITS, MAX_STOCK
from tests.conftest import Person
from tests.staff.desk import Desk
from tests.staff.moving import ORDERS, place, status, stock


def test_an_order_with_the_maximum_units_of_a_product_is_moved(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    """Its lines of one product were added up."""
    salt = product(stock=MAX_STOCK)
    order = place(person(), salt, MAX_ORDERED_UNITS)
    for move in ("pack", "ship"):
        desk.save(f"{ORDERS}{order}/{move}/")
    back = {f"line-{salt}-quantity": str(MAX_ORDERED_UNITS), "reason": "too much"}
    assert desk.save(f"{ORDERS}{order}/return/", **back).errors == {}
    assert (status(order), stock(salt)) == ("returned", (MAX_STOCK, 0))
