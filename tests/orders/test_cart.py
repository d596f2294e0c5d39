"""The service of the cart: sets of lines, single lines, and what a kept line preserves."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from larder.catalog.services.products import archive_product, change_product
from larder.core.errors import StaleVersion, UnknownProducts
from larder.core.ids import new_id
from larder.core.limits import MAX_UNITS
from larder.inventory import queries as inventory
from larder.orders.decision import RequestedLine
from larder.orders.errors import CartFull, NotInCart
from larder.orders.queries import carts
from larder.orders.queries.carts import CartLine, CartVersion
from larder.orders.services import cart
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import ExpectedCart, Placement, Terms
from tests.conftest import Person

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
GBP = Terms(currency="GBP")
NOTHING = CartVersion(None, 0)

pytestmark = pytest.mark.django_db(transaction=True)


def put(
    who: Person, *lines: tuple[int, int], now: datetime, expected: CartVersion | None = None
) -> None:
    """Puts the whole set of (product, quantity)."""
    requested = [RequestedLine(*line) for line in lines]
    cart.put_lines(who.id, requested, now=now, expected=expected)


def put_one(
    who: Person, product: int, quantity: int, *, now: datetime, expected: CartVersion | None = None
) -> None:
    """Sets one line."""
    cart.put_line(who.id, RequestedLine(product, quantity), now=now, expected=expected)


def lines(who: Person) -> list[CartLine]:
    """Returns the stored lines."""
    cart = carts.cart(who.id)
    return cart.lines if cart else []


def units(who: Person) -> list[tuple[int, int]]:
    """Returns (product, quantity) of the stored lines."""
    return [(line.product, line.quantity) for line in lines(who)]


def seen(who: Person) -> CartVersion:
    """Returns the id and version that a client reads now."""
    cart = carts.cart(who.id)
    return CartVersion(cart.id, cart.version) if cart else NOTHING


def test_putting_lines_replaces_all_earlier_lines(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, tea, hat = person(), product(), product(), product()
    put(who, (tea, 2), (jam, 1), (tea, 3), now=now)
    assert units(who) == [(tea, 5), (jam, 1)]
    put(who, (hat, 1), (tea, 5), now=now)
    assert units(who) == [(tea, 5), (hat, 1)]
    put(who, now=now)
    assert units(who) == []


def test_a_line_in_both_sets_keeps_its_id_and_price(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, tea = person(), product(price="1.50"), product(price="2")
    put(who, (jam, 1), (tea, 1), now=now)
    before = lines(who)
    change_product(jam, {"price": Decimal(3)}, caller=None, now=now)
    change_product(tea, {"price": Decimal(4)}, caller=None, now=now)
    put(who, (tea, 1), (jam, 7), now=now)
    put_one(who, jam, 8, now=now)
    after = lines(who)
    assert [line.id for line in after] == [line.id for line in before]
    assert [(line.unit_price, line.current_price) for line in after] == [
        (Decimal("1.5"), Decimal(3)),
        (Decimal(2), Decimal(4)),
    ]
    cart.remove_line(who.id, jam, now=now)
    put_one(who, jam, 1, now=now)
    assert lines(who)[1].unit_price == 3


def test_an_identical_cart_keeps_its_version(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, later = person(), product(), now + timedelta(hours=1)
    put(who, (jam, 2), now=now)
    before = carts.cart(who.id)
    put(who, (jam, 1), (jam, 1), now=later)
    put_one(who, jam, 2, now=later)
    assert carts.cart(who.id) == before
    put_one(who, jam, 3, now=later)
    after = carts.cart(who.id)
    assert before is not None
    assert after is not None
    assert (after.version, after.updated_at) == (before.version + 1, later)


def test_a_refused_cart_names_every_unknown_product_and_is_not_changed(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, gone = person(), product(), product()
    archive_product(gone, caller=None, now=now)
    with pytest.raises(UnknownProducts) as refused:
        put(who, (gone, 2), (jam, 1), (gone + 1, 1), (gone, 1), now=now)
    assert refused.value.lines == [
        {"code": "unknown_product", "product": gone, "requested": 3, "available": 0},
        {"code": "unknown_product", "product": gone + 1, "requested": 1, "available": 0},
    ]
    with pytest.raises(UnknownProducts):
        put_one(who, gone, 1, now=now)
    assert carts.cart(who.id) is None


def test_a_refused_cart_names_every_line_with_too_many_units_beside_unknown_products(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, tea, most = person(), product(), product(), MAX_UNITS
    many = [(jam, most), (tea, most), (jam, 1), (tea, 2)]
    with pytest.raises(CartFull) as full:
        put(who, *many, now=now)
    lines = [
        {"code": "cart_full", "product": jam, "requested": most + 1, "limit": most},
        {"code": "cart_full", "product": tea, "requested": most + 2, "limit": most},
    ]
    assert full.value.extensions == {"limit": most, "product": jam, "lines": lines}
    with pytest.raises(UnknownProducts) as refused:
        put(who, (tea + 1, 1), *many, now=now)
    assert refused.value.others == (full.value,)
    assert carts.cart(who.id) is None


def test_a_cart_may_exceed_the_stock_and_moves_none(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product(stock=0)
    put(who, (jam, 5), now=now)
    assert units(who) == [(jam, 5)]
    assert inventory.available([jam]) == {jam: 0}


def test_lines_and_units_are_limited(
    person: MakePerson, product: MakeProduct, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cart, "MAX_LINES", 2)
    who, jam, tea, hat = person(), product(), product(), product()
    for full in ([(jam, 1), (tea, 1), (hat, 1)], [(jam, MAX_UNITS), (jam, 1)]):
        with pytest.raises(CartFull):
            put(who, *full, now=now)
    assert carts.cart(who.id) is None
    put(who, (jam, 1), (tea, MAX_UNITS), now=now)
    with pytest.raises(CartFull) as refused:
        put_one(who, hat, 1, now=now)
    assert refused.value.limit == 2
    with pytest.raises(UnknownProducts) as unknown:
        put_one(who, hat + 1, MAX_UNITS + 1, now=now)
    assert [getattr(error, "limit", None) for error in unknown.value.all] == [None, MAX_UNITS, 2]
    put_one(who, jam, 2, now=now)
    assert units(who) == [(jam, 2), (tea, MAX_UNITS)]


def test_a_line_is_removed_once(person: MakePerson, product: MakeProduct, now: datetime) -> None:
    who, jam, tea = person(), product(), product()
    with pytest.raises(NotInCart):
        cart.remove_line(who.id, jam, now=now)
    put(who, (jam, 2), (tea, 1), now=now)
    archive_product(jam, caller=None, now=now)
    cart.remove_line(who.id, jam, now=now)
    assert units(who) == [(tea, 1)]
    with pytest.raises(NotInCart):
        cart.remove_line(who.id, jam, now=now)


def test_a_deleted_cart_loses_its_lines_and_the_next_cart_is_new(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, other, jam = person(), person(), product()
    put(who, (jam, 2), now=now)
    put(other, (jam, 1), now=now)
    before = seen(who)
    for _ in "12":
        cart.delete_cart(who.id)
    assert carts.cart(who.id) is None
    assert units(other) == [(jam, 1)]
    put(who, (jam, 2), now=now)
    assert seen(who).version == before.version
    assert seen(who) != before
    assert units(other) == [(jam, 1)]


CHANGES: dict[str, Callable[[Person, int, datetime, CartVersion], None]] = {
    "put lines": lambda who, jam, now, seen: put(who, (jam, 9), now=now, expected=seen),
    "put no lines": lambda who, _jam, now, seen: put(who, now=now, expected=seen),
    "put a line": lambda who, jam, now, seen: put_one(who, jam, 9, now=now, expected=seen),
    "remove a line": lambda who, jam, now, seen: cart.remove_line(
        who.id, jam, now=now, expected=seen
    ),
    "delete": lambda who, _jam, _now, seen: cart.delete_cart(who.id, expected=seen),
    "submit": lambda who, _jam, now, seen: submit(who, now, ExpectedCart(seen)),
}


def submit(who: Person, now: datetime, shown: ExpectedCart, **details: Any) -> None:
    """Places the cart."""
    actor = who.customer.public_id
    asked = Placement(customer=who.id, actor=actor, lines=(), cart=shown, **details)
    place_order(asked, terms=GBP, now=now)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_needs_the_id_and_version_of_the_cart(
    person: MakePerson,
    product: MakeProduct,
    now: datetime,
    change: Callable[[Person, int, datetime, CartVersion], None],
) -> None:
    who, jam = person(), product()
    if change is CHANGES["put no lines"]:
        change(who, jam, now, CartVersion(new_id(), 2))  # changes nothing
    else:
        with pytest.raises(StaleVersion) as refused:
            change(who, jam, now, CartVersion(new_id(), 2))
        assert refused.value.version == 0
    assert carts.cart(who.id) is None
    put(who, (jam, 2), now=now, expected=NOTHING)
    present = seen(who)
    for other in (
        NOTHING,
        CartVersion(present.id, present.version - 1),
        CartVersion(new_id(), present.version),
    ):
        with pytest.raises(StaleVersion) as refused:
            change(who, jam, now, other)
        assert refused.value.version == present.version
        assert (seen(who), units(who)) == (present, [(jam, 2)])
    change(who, jam, now, present)
    assert seen(who) != present


def test_a_cart_shows_the_current_data_of_its_products(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product()
    put(who, (jam, 1), now=now)
    change_product(jam, {"name": "Marmalade", "sku": "MARMALADE"}, caller=None, now=now)
    assert [(line.name, line.sku) for line in lines(who)] == [("Marmalade", "MARMALADE")]


def test_an_order_fills_the_cart_with_what_can_still_be_ordered(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    """Also if other units of a product are in the cart; a repeat changes nothing."""
    who = person()
    tea, jam, hat, pin, cup, oil = (product(stock=9) for _ in range(6))
    ordered = [RequestedLine(id, 6) for id in (tea, jam, hat, pin, cup, oil)]
    placement = Placement(customer=who.id, actor=who.caller.public_id, lines=ordered)
    order = place_order(placement, terms=GBP, now=now).order
    archive_product(jam, caller=None, now=now)
    change_product(hat, {"max_per_order": 2}, caller=None, now=now)
    change_product(pin, {"step": 2}, caller=None, now=now)
    change_product(cup, {"min_quantity": 5}, caller=None, now=now)
    put(who, (oil, 8), (hat, 1), now=now)
    cart.reorder(order, now=now)
    assert units(who) == [(oil, 8), (hat, 2), (tea, 3), (pin, 2)]
    before = seen(who)
    cart.reorder(order, now=now, expected=NOTHING)
    assert seen(who) == before
    put(who, now=now)
    with pytest.raises(StaleVersion):
        cart.reorder(order, now=now, expected=before)
