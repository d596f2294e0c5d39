"""Placing "the cart": the draft that the customer has when the batch begins."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from larder.catalog.services.products import change_product
from larder.core.errors import DomainError
from larder.db import database
from larder.inventory import queries as inventory
from larder.ops.books.invariants import check
from larder.orders.decision import Wanted
from larder.orders.queries import carts
from larder.orders.services import cart
from larder.orders.services.placing.place_order import place_order
from larder.orders.services.placing.placement import ExpectedCart, Placed, Placement, Terms
from tests.conftest import Person
from tests.orders.placing import place_orders

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
GBP = Terms(currency="GBP")

pytestmark = pytest.mark.django_db(transaction=True)


def fill(who: Person, product: int, units: int, *, now: datetime) -> None:
    """Replaces the lines of the cart by this one."""
    cart.put_lines(who.id, [Wanted(product, units)], now=now)


def submission(who: Person, total: str | None = None, **details: Any) -> Placement:
    """Returns the placing of the cart; `total` is the expected total."""
    return Placement(
        customer=who.id,
        actor=who.customer.public_id,
        lines=(),
        cart=ExpectedCart(total=None if total is None else Decimal(total)),
        operation="POST /api/v1/cart/submit",
        **details,
    )


def code(answer: Placed | Exception) -> str:
    """Returns the result of a placement as text."""
    if isinstance(answer, DomainError):
        return answer.code
    assert isinstance(answer, Placed), answer
    return "replayed" if answer.replayed else "placed"


def test_a_batch_of_carts_gets_one_answer_each(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    ada, grace, alan, jam = person(), person(), person(), product(stock=5)
    fill(ada, jam, 3, now=now)
    fill(grace, jam, 3, now=now)
    group = [
        submission(ada, key="k"),
        submission(alan),
        submission(ada),
        submission(grace),
        submission(ada, key="k"),
    ]
    answers = place_orders(group, terms=GBP, now=now)
    assert [code(one) for one in answers] == [
        *("placed", "cart_empty", "cart_empty"),
        *("insufficient_stock", "replayed"),
    ]
    assert inventory.available([jam]) == {jam: 2}
    assert not check().violated


def test_a_cart_refused_for_its_total_takes_no_stock(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    ada, grace, jam = person(), person(), product(stock=3, price="2")
    fill(ada, jam, 3, now=now)
    fill(grace, jam, 3, now=now)
    answers = place_orders([submission(ada, "5"), submission(grace, "6")], terms=GBP, now=now)
    assert [code(one) for one in answers] == ["price_changed", "placed"]


def test_a_key_is_settled_with_the_placed_order(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product()
    assert code(place_orders([submission(who, key="k")], terms=GBP, now=now)[0]) == "cart_empty"
    assert database.rows("SELECT * FROM idempotency_key") == []
    fill(who, jam, 1, now=now)
    placed = place_order(submission(who, key="k"), terms=GBP, now=now)
    kept = database.rows("SELECT operation, key, result, expires_at FROM idempotency_key")
    assert kept == [("POST /api/v1/cart/submit", "k", str(placed.order.id), None)]


def test_a_cart_is_placed_with_current_prices_and_names(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, later = person(), product(price="1.50"), now + timedelta(hours=1)
    fill(who, jam, 2, now=now)
    change_product(jam, {"price": Decimal("1.75"), "name": "Marmalade"}, caller=None, now=now)
    shown = carts.cart(who.id)
    assert shown is not None
    order = place_order(submission(who, "3.50"), terms=GBP, now=later).order
    (line,) = order.lines
    assert (line.name, line.unit_price, order.total) == ("Marmalade", Decimal("1.75"), shown.total)
    assert (order.id, order.number) == (shown.id, shown.number)
    assert (order.created_at, order.placed_at) == (now, later)
