"""INSERT writes the same rows as the ORM."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from larder.catalog import prices as catalog
from larder.inventory.models import HeldLine
from larder.orders import queries
from larder.orders.decision import RequestedLine, priced_line
from larder.orders.models import Order, OrderEvent, OrderLine
from larder.orders.queries import LineView
from larder.orders.queries.carts import CartRow, StoredLine
from larder.orders.services.placing.place_batch import placed, write_orders
from larder.orders.services.placing.placement import (
    Accepted,
    ExpectedCart,
    Placement,
    Terms,
    new_order,
    view_of,
)
from tests.conftest import Person
from tests.orders.written import written


@pytest.fixture
def accepted(
    person: Callable[..., Person], product: Callable[..., int], now: datetime
) -> list[Accepted]:
    """Three decided orders of two customers: with all fields, few fields, unusual text."""
    ada, grace = person(), person()
    rates = {"1.255": Decimal(20), "0": None, "999999999.999": Decimal("7.25")}
    offers = catalog.offers([product(price=price, tax_rate=rates[price]) for price in rates])
    first, second, third = offers.values()
    asked: list[tuple[Person, dict[str, Any], list[LineView]]] = [
        (
            ada,
            {
                "note": "Ring twice.",
                "reference": "PO 7",
                "ship_to": {"name": "Ada", "line1": "12 St James's Sq"},
                "requested_for": date(2026, 12, 24),
                "order_id": UUID(int=7),
            },
            [priced_line(third, 1_000_000, third.price), priced_line(first, 3, first.price)],
        ),
        (grace, {}, [priced_line(second, 1, second.price)]),
        (
            ada,
            {"note": '{"a", NULL, \\, \'}\n%s 🍓', "reference": "", "ship_to": {"city": '\\{}"'}},
            [priced_line(offer, 2, Decimal("0.001")) for offer in (second, third, first)],
        ),
    ]
    return [_accepted(who, rest, lines, now) for who, rest, lines in asked]


def _accepted(who: Person, rest: dict[str, Any], lines: list[LineView], now: datetime) -> Accepted:
    requested = [RequestedLine(line.product, line.quantity) for line in lines]
    asked = Placement(customer=who.id, actor=who.customer.public_id, lines=requested, **rest)
    order = new_order(asked, now)
    return Accepted(order, view_of(order, lines, Terms(currency="GBP"), begins=now, now=now))


@pytest.fixture(params=["placed", "held"])
def expires_at(request: pytest.FixtureRequest, now: datetime) -> datetime | None:
    """The expiry of the orders' holds; null if they are placed without one."""
    return now + timedelta(minutes=15) if request.param == "held" else None


def _held(orders: list[Accepted], expires_at: datetime | None) -> list[Accepted]:
    hold: Any = {"expires_at": expires_at, "status": "pending"} if expires_at else {}
    return [each._replace(view=replace(each.view, **hold)) for each in orders]


def through_the_orm(placed: list[Accepted], now: datetime) -> None:
    """The same orders, one row after the other."""
    for accepted in placed:
        asked = accepted.order.placement
        order = Order.objects.create(
            id=accepted.order.id,
            customer_id=asked.customer,
            status=accepted.view.status,
            expires_at=accepted.view.expires_at,
            currency="GBP",
            total=sum(line.quantity * line.unit_price for line in accepted.view.lines),
            units=sum(line.quantity for line in accepted.view.lines),
            note=asked.note,
            reference=asked.reference,
            ship_to=asked.ship_to,
            requested_for=asked.requested_for,
            created_at=now,
            placed_at=now,
            updated_at=now,
        )
        for line in accepted.view.lines:
            OrderLine.objects.create(
                order=order,
                product_id=line.product,
                sku=line.sku,
                name=line.name,
                unit_price=line.unit_price,
                quantity=line.quantity,
                tax_rate=line.tax_rate,
                placed_at=now,
            )
            if accepted.view.expires_at is not None:
                of = {"order": order.id, "product_id": line.product, "quantity": line.quantity}
                ends = {"event": accepted.order.event, "expires_at": accepted.view.expires_at}
                HeldLine.objects.create(**of, **ends)
        OrderEvent.objects.create(
            id=accepted.order.event,
            order=order,
            type="placed" if accepted.view.expires_at is None else "held",
            from_status="",
            to_status=accepted.view.status,
            actor=asked.actor,
            at=now,
        )


def test_insert_writes_what_the_orm_would(
    accepted: list[Accepted], now: datetime, expires_at: datetime | None
) -> None:
    accepted = _held(accepted, expires_at)
    expected = written(lambda: through_the_orm(accepted, now))
    inserted = written(lambda: write_orders(accepted))
    assert inserted == expected
    assert [len(rows) for rows in inserted.values()] == [3, 3, 6, 0, 6 if expires_at else 0]


def test_the_answers_equal_a_later_read(accepted: list[Accepted], now: datetime) -> None:
    answers = [placed(each) for each in write_orders(accepted)]
    later = queries.orders([each.order.id for each in accepted])
    assert [answer.order for answer in answers] == [later[each.order.id] for each in accepted]


def test_a_cart_keeps_its_id_and_number_and_its_lines_theirs(
    accepted: list[Accepted], now: datetime
) -> None:
    first, second = accepted[:2]
    products = [line.product for line in first.view.lines]
    lines = [StoredLine(70 + n, id, 1, Decimal(1)) for n, id in enumerate(products)]
    began = now - timedelta(hours=2)
    cart = CartRow(
        first.order.placement.customer, first.order.id, 7_000_000, 4, lines, began, began
    )
    order = new_order(replace(first.order.placement, cart=ExpectedCart(), order_id=None), now, cart)
    offers = catalog.offers(products)
    priced = [priced_line(offers[id], 1, Decimal(1)) for id in products]
    view = view_of(order, priced, Terms(currency="GBP"), begins=now, now=now)
    both = [Accepted(order, view), second]
    answers = [placed(each).order for each in write_orders(both)]
    later = queries.orders([each.order.id for each in both])
    shown = later[order.id]
    assert (shown.id, shown.number, shown.version, shown.created_at) == (
        first.order.id,
        7_000_000,
        5,
        began,
    )
    assert {line.id for line in shown.lines} == {line.id for line in lines}
    assert OrderEvent.objects.get(id=order.event).from_status == "draft"
    assert answers[1] == later[second.order.id]
