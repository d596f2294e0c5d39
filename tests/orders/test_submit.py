"""Placing drafts: the same function as for new orders, and in one batch with them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from larder.catalog.services.products import archive_product, change_product
from larder.core.errors import DomainError, KeyReused, NotFound, UnknownProducts
from larder.db import database
from larder.identity.errors import OrderingNotAllowed
from larder.inventory import queries as inventory
from larder.inventory.errors import InsufficientStock
from larder.ops.books.invariants import check
from larder.orders import queries
from larder.orders.decision import RequestedLine
from larder.orders.errors import CartEmpty, OrderTooSmall
from larder.orders.models import Cart
from larder.orders.queries import carts
from larder.orders.services.batches import place_order
from larder.orders.services.cart import add_unit, ensure_cart
from larder.orders.services.placing.placement import ExpectedCart, Placed, Placement, Terms
from tests import database as tables
from tests.conftest import Person
from tests.orders.placing import place_orders
from tests.system.race.books import assert_agree

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
GBP = Terms(currency="GBP")

pytestmark = pytest.mark.django_db(transaction=True)


def fill(who: Person, *products: int, now: datetime) -> UUID:
    """Puts a unit of each into the draft; its id."""
    for id in products:
        add_unit(who.id, id, now=now)
    return ensure_cart(who.id, now=now)


def submit(who: Person, total: str | None = None, **details: Any) -> Placement:
    """The placing of a draft; `total` is the expected total."""
    return Placement(
        customer=who.id,
        actor=who.customer.public_id,
        lines=[],
        cart=ExpectedCart(total=None if total is None else Decimal(total)),
        operation="POST /api/v1/cart/submit",
        **details,
    )


def order_of(who: Person, *lines: tuple[int, int], **details: Any) -> Placement:
    """A new order of (product, quantity) lines."""
    requested = [RequestedLine(*line) for line in lines]
    return Placement(
        customer=who.id,
        actor=who.customer.public_id,
        lines=requested,
        operation="POST /api/v1/orders",
        **details,
    )


def code(answer: Placed | Exception) -> str:
    """Returns the result of a placement as text."""
    if isinstance(answer, DomainError):
        return answer.code
    assert isinstance(answer, Placed), answer
    return "replayed" if answer.replayed else "placed"


def test_a_placed_draft_keeps_its_id_number_and_lines(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, tea, later = person(), product(), product(price="2"), now + timedelta(hours=1)
    id = fill(who, tea, jam, tea, now=now)
    draft = carts.cart(who.id)
    assert draft is not None
    placed = place_order(submit(who, note="Ring twice."), terms=GBP, now=later)
    order = placed.order
    assert (order.id, order.number, order.status) == (id, draft.number, "placed")
    assert [line.id for line in order.lines] == [line.id for line in draft.lines]
    assert [(line.product, line.quantity) for line in order.lines] == [(tea, 2), (jam, 1)]
    assert (order.created_at, order.placed_at, order.updated_at) == (now, later, later)
    assert (order.version, order.note, order.total) == (
        draft.version + 1,
        "Ring twice.",
        Decimal("5.5"),
    )
    assert queries.order(id, customer=who.id) == order
    assert carts.cart(who.id) is None
    assert_agree([jam, tea])


def test_placing_a_draft_writes_the_event_of_placing(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, staff, jam = person(), person(is_staff=True), product()
    fill(who, jam, now=now)
    asked = replace(submit(who), actor=staff.customer.public_id)
    order = place_order(asked, terms=GBP, now=now).order
    (event,) = queries.events(order.id, after=0, limit=9).rows
    assert (event.type, event.from_status, event.to_status) == ("placed", "draft", "placed")
    assert (event.actor, event.at, event.data) == (staff.customer.public_id, now, {})


def test_a_draft_is_placed_with_current_prices_and_names(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product(price="1.50")
    id = fill(who, jam, jam, now=now)
    change_product(
        jam, {"price": Decimal("1.75"), "name": "Marmalade", "sku": "M"}, caller=None, now=now
    )
    order = place_order(submit(who), terms=GBP, now=now).order
    (line,) = order.lines
    assert (line.sku, line.name, line.unit_price) == ("M", "Marmalade", Decimal("1.75"))
    assert order.total == Decimal("3.5")
    assert queries.order(id, customer=None) == order


def test_a_unit_added_after_placing_begins_another_draft(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product()
    first = fill(who, jam, now=now)
    place_order(submit(who), terms=GBP, now=now)
    assert fill(who, jam, now=now) != first


def test_a_refused_draft_is_not_changed(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, tea, hat = person(), product(stock=1), product(), product(stock=1)
    fill(who, hat, tea, jam, hat, jam, now=now)
    before = carts.cart(who.id)
    with pytest.raises(InsufficientStock) as refused:
        place_order(submit(who, note="Ring twice."), terms=GBP, now=now)
    # As the lines stand in the draft, not as their products do in the catalogue.
    assert [line["product"] for line in refused.value.lines] == [hat, jam]
    assert carts.cart(who.id) == before
    assert inventory.available([jam, tea, hat]) == {jam: 1, tea: 10, hat: 1}


def test_a_draft_with_an_archived_product_is_refused(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product()
    fill(who, jam, now=now)
    archive_product(jam, caller=None, now=now)
    with pytest.raises(UnknownProducts):
        place_order(submit(who), terms=GBP, now=now)


def test_a_draft_is_placed_once_without_a_key(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product()
    fill(who, jam, now=now)
    asked = submit(who)
    place_order(asked, terms=GBP, now=now)
    with pytest.raises(CartEmpty):
        place_order(asked, terms=GBP, now=now)
    assert inventory.available([jam]) == {jam: 9}


def test_an_empty_draft_is_refused(person: MakePerson, now: datetime) -> None:
    who = person()
    fill(who, now=now)
    with pytest.raises(CartEmpty):
        place_order(submit(who), terms=GBP, now=now)


def test_the_rules_of_placing_hold_for_drafts(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, barred, jam = person(), person(may_order=False), product(price="2")
    from_three = Terms(currency="GBP", minimum_total=Decimal(3))
    for each in (who, barred):
        fill(each, jam, now=now)
    with pytest.raises(OrderTooSmall):
        place_order(submit(who), terms=from_three, now=now)
    with pytest.raises(OrderingNotAllowed):
        place_order(submit(barred), terms=GBP, now=now)


def test_a_key_repeats_the_placing_of_a_draft(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product()
    fill(who, jam, now=now)
    asked = submit(who, key="k", note="Ring twice.")
    first = place_order(asked, terms=GBP, now=now)
    again = place_order(asked, terms=GBP, now=now)
    assert (again.replayed, again.order) == (True, first.order)
    # The repeat may meet the draft that was begun since.
    fill(who, jam, now=now)
    since = place_order(asked, terms=GBP, now=now)
    assert (since.replayed, since.order) == (True, first.order)
    with pytest.raises(KeyReused):
        place_order(replace(asked, note=""), terms=GBP, now=now)


def test_a_refused_draft_releases_its_key(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product()
    fill(who, now=now)
    asked = submit(who, key="k")
    with pytest.raises(CartEmpty):
        place_order(asked, terms=GBP, now=now)
    assert database.rows("SELECT * FROM idempotency_key") == []
    fill(who, jam, now=now)
    assert not place_order(asked, terms=GBP, now=now).replayed


def test_a_draft_refused_for_its_total_takes_no_stock(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    ada, grace, jam = person(), person(), product(stock=3, price="2")
    for each in (ada, grace):
        fill(each, jam, jam, jam, now=now)
    answers = place_orders([submit(ada, "5"), submit(grace, "6")], terms=GBP, now=now)
    assert [code(answer) for answer in answers] == ["price_changed", "placed"]


def test_a_key_is_settled_with_the_placed_draft(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who = person()
    fill(who, product(), now=now)
    placed = place_order(submit(who, key="k"), terms=GBP, now=now)
    stored = database.rows("SELECT operation, key, result, expires_at FROM idempotency_key")
    assert stored == [("POST /api/v1/cart/submit", "k", str(placed.order.id), None)]


def test_the_id_of_a_placed_draft_answers_an_order_with_its_lines(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, tea = person(), product(), product()
    id = fill(who, jam, tea, jam, now=now)
    placed = place_order(submit(who), terms=GBP, now=now)
    again = place_order(order_of(who, (tea, 1), (jam, 2), order_id=id), terms=GBP, now=now)
    assert (again.replayed, again.order) == (True, placed.order)
    with pytest.raises(KeyReused):
        place_order(order_of(who, (jam, 1), order_id=id), terms=GBP, now=now)


def test_the_id_of_a_draft_cannot_be_chosen_for_an_order(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product()
    id = fill(who, jam, now=now)
    for buyer in (who, person()):
        with pytest.raises(NotFound):
            place_order(order_of(buyer, (jam, 1), order_id=id), terms=GBP, now=now)
    assert database.rows("SELECT * FROM idempotency_key") == []
    assert not place_order(submit(who), terms=GBP, now=now).replayed


def test_a_batch_of_drafts_and_orders_gets_one_answer_each(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    ada, grace, jam, tea = person(), person(), product(stock=3), product()
    fill(ada, jam, tea, now=now)
    fill(grace, jam, now=now)
    group = [
        order_of(ada, (jam, 2)),
        submit(ada),
        submit(grace),
        submit(ada),
        order_of(grace, (tea, 1)),
    ]
    answers = place_orders(group, terms=GBP, now=now)
    assert [code(answer) for answer in answers] == [
        *("placed", "placed", "insufficient_stock", "cart_empty", "placed"),
    ]
    assert inventory.available([jam, tea]) == {jam: 0, tea: 8}
    for answer in answers:
        if isinstance(answer, Placed):
            assert queries.order(answer.order.id, customer=None) == answer.order
    assert_agree([jam, tea])


@dataclass(frozen=True, slots=True)
class Asked:
    """One placement of a random batch: its customer, and whether it is a draft or a new order."""

    customer: int
    is_draft: bool
    lines: list[tuple[int, int]]


LINES = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), min_size=1, max_size=4)
GROUPS = st.lists(st.builds(Asked, st.integers(0, 3), st.booleans(), LINES), max_size=8)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(stock=st.lists(st.integers(1, 9), min_size=3, max_size=3), group=GROUPS)
def test_a_batch_with_drafts_decides_as_its_orders_would_one_by_one(
    stock: list[int],
    group: list[Asked],
    person: MakePerson,
    product: MakeProduct,
    now: datetime,
) -> None:
    """Each draft of one shop is a new order with the same lines in the other shop."""
    people, drafted, in_group = [person() for _ in range(4)], set[int](), []
    shelf, mirror = ([product(stock=units) for units in stock] for _ in range(2))
    one_by_one = []
    for asked in group:
        who = people[asked.customer]
        units = [number for number, quantity in asked.lines for _ in range(quantity)]
        one_by_one.append(order_of(who, *[(mirror[number], 1) for number in units]))
        if asked.is_draft and asked.customer not in drafted:
            drafted.add(asked.customer)
            fill(who, *[shelf[number] for number in units], now=now)
            in_group.append(submit(who))
        else:
            in_group.append(order_of(who, *[(shelf[number], 1) for number in units]))
    answers = place_orders(in_group, terms=GBP, now=now)
    expected = [place_orders([request], terms=GBP, now=now)[0] for request in one_by_one]
    assert [code(answer) for answer in answers] == [code(answer) for answer in expected]
    left = inventory.available([*shelf, *mirror])
    assert [left[id] for id in shelf] == [left[id] for id in mirror]
    open_ones = [
        request
        for request, answer in zip(in_group, answers, strict=True)
        if request.cart and code(answer) != "placed"
    ]
    assert Cart.objects.filter(order__isnull=False).count() == len(open_ones)
    assert not check().violated
    tables.empty_database()
