"""The service of the draft: adding, removing and reading units."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from larder.catalog.services.products import archive_product, change_product
from larder.core.errors import NotFound, UnknownProducts
from larder.core.limits import MAX_UNITS
from larder.inventory import queries as inventory
from larder.inventory.errors import InsufficientStock
from larder.orders.decision import RequestedLine
from larder.orders.errors import CartFull, NotInCart
from larder.orders.queries import carts
from larder.orders.queries.carts import CartView
from larder.orders.services import cart
from larder.orders.services.cart import add_unit, ensure_cart, remove_unit
from tests.conftest import Person

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]

pytestmark = pytest.mark.django_db(transaction=True)


def draft_of(who: Person) -> CartView:
    """Returns the stored draft."""
    cart = carts.cart(who.id)
    assert cart is not None
    return cart


def units(who: Person) -> list[tuple[int, int]]:
    """(product, quantity) of the draft's lines."""
    return [(line.product, line.quantity) for line in draft_of(who).lines]


def add(who: Person, *products: int, now: datetime) -> int:
    """Adds a unit of each product; returns the number of the draft."""
    return [add_unit(who.id, id, now=now) for id in products][-1]


def test_a_customer_has_one_draft(person: MakePerson, now: datetime) -> None:
    who = person()
    assert carts.cart(who.id) is None
    number = ensure_cart(who.id, now=now)
    assert ensure_cart(who.id, now=now + timedelta(days=1)) == number
    cart = draft_of(who)
    assert (cart.id, cart.version, cart.created_at, cart.lines) == (number, 1, now, [])
    assert cart.total == 0


def test_units_of_one_product_share_a_line(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, tea = person(), product(), product()
    number = add(who, tea, jam, tea, now=now)
    assert number == draft_of(who).number
    assert units(who) == [(tea, 2), (jam, 1)]


def test_each_change_increments_the_version(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, later = person(), product(), now + timedelta(minutes=1)
    add(who, jam, jam, now=now)
    assert draft_of(who).version == 3
    remove_unit(who.id, jam, now=later)
    cart = draft_of(who)
    assert (cart.version, cart.created_at, cart.updated_at) == (4, now, later)


def test_a_draft_may_hold_more_than_the_stock_and_moves_none(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product(stock=1)
    add(who, jam, jam, jam, now=now)
    assert units(who) == [(jam, 3)]
    assert inventory.available([jam]) == {jam: 1}


def test_a_product_that_is_sold_out_is_refused_and_no_draft_is_made(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product(stock=0)
    with pytest.raises(InsufficientStock) as refused:
        add(who, jam, now=now)
    fault = {"product": jam, "requested": 1, "available": 0}
    assert refused.value.lines == [{"code": "insufficient_stock", **fault}]
    assert carts.cart(who.id) is None


def test_an_unknown_or_archived_product_is_refused(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product()
    archive_product(jam, caller=None, now=now)
    for id in (jam, jam + 1):
        with pytest.raises(UnknownProducts) as refused:
            add(who, id, now=now)
        assert [line["product"] for line in refused.value.lines] == [id]


def test_the_units_of_a_line_are_limited(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product()
    add(who, jam, now=now)
    cart.put_line(who.id, RequestedLine(jam, MAX_UNITS), now=now)
    with pytest.raises(CartFull) as refused:
        add(who, jam, now=now)
    assert (refused.value.limit, refused.value.units) == (MAX_UNITS, {jam: MAX_UNITS + 1})
    assert (units(who), draft_of(who).version) == ([(jam, MAX_UNITS)], 3)


def test_the_lines_of_a_draft_are_limited_and_their_units_can_still_be_raised(
    person: MakePerson, product: MakeProduct, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cart, "MAX_LINES", 2)
    who, jam, tea, hat = person(), product(), product(), product()
    add(who, jam, tea, now=now)
    with pytest.raises(CartFull) as refused:
        add(who, hat, now=now)
    assert refused.value.extensions == {"limit": 2}
    add(who, tea, now=now)
    assert units(who) == [(jam, 1), (tea, 2)]


def test_removing_the_last_unit_removes_the_line_and_keeps_the_draft(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product()
    number = add(who, jam, jam, now=now)
    assert [remove_unit(who.id, jam, now=now) for _ in range(2)] == [number, number]
    assert units(who) == []
    with pytest.raises(NotInCart):
        remove_unit(who.id, jam, now=now)
    assert draft_of(who).version == 5


def test_sold_out_and_archived_products_can_be_removed(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, tea = person(), product(stock=1), product()
    add(who, jam, tea, now=now)
    archive_product(tea, caller=None, now=now)
    cart.put_line(who.id, RequestedLine(jam, 2), now=now)
    for id in (jam, jam, tea):
        remove_unit(who.id, id, now=now)
    assert units(who) == []


def test_a_product_missing_from_the_draft_and_one_not_on_sale_have_different_errors(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, gone = person(), product(), product()
    archive_product(gone, caller=None, now=now)
    for _ in ("without a draft", "with one"):
        with pytest.raises(NotInCart):
            remove_unit(who.id, jam, now=now)
        for unknown in (gone, gone + 1):
            with pytest.raises(NotFound):
                remove_unit(who.id, unknown, now=now)
        ensure_cart(who.id, now=now)


def test_drafts_of_other_customers_are_not_changed(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    ada, grace, jam = person(), person(), product()
    assert add(ada, jam, now=now) != add(grace, jam, now=now)
    remove_unit(grace.id, jam, now=now)
    assert (units(ada), units(grace)) == ([(jam, 1)], [])


def test_a_line_keeps_its_price_and_the_total_uses_current_prices(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, tea = person(), product(price="1.50"), product(price="2.205", stock=3)
    add(who, jam, tea, tea, now=now)
    change_product(jam, {"price": Decimal("1.75"), "name": "Marmalade"}, caller=None, now=now)
    add(who, jam, now=now)
    cart = draft_of(who)
    assert [(line.unit_price, line.current_price) for line in cart.lines] == [
        (Decimal("1.5"), Decimal("1.75")),
        (Decimal("2.205"), Decimal("2.205")),
    ]
    assert cart.lines[0].name == "Marmalade"
    assert cart.total == Decimal("7.910")
    assert [line.available for line in cart.lines] == [10, 3]


def test_an_archived_product_counts_in_the_total_at_its_last_price(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product(price="1.50")
    add(who, jam, jam, now=now)
    assert not draft_of(who).lines[0].archived
    change_product(jam, {"price": Decimal(4)}, caller=None, now=now)
    archive_product(jam, caller=None, now=now)
    cart = draft_of(who)
    assert (cart.lines[0].archived, cart.lines[0].available) == (True, 0)
    assert cart.total == 8
