"""The service of placing: the changes of stock, ledger and order."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest
from django.db import connection
from msgspec.structs import replace

from larder.core.errors import AlreadyTaken, KeyReused, UnknownProducts
from larder.core.ids import new_id
from larder.identity.models import Customer
from larder.identity.services.accounts import NewCustomer
from larder.identity.services.audit import StaffActing
from larder.inventory import queries as inventory
from larder.inventory.errors import InsufficientStock
from larder.orders.decision import RequestedLine
from larder.orders.services.batches import place_for_new, place_order
from larder.orders.services.placing.placement import Placed, Placement, Terms
from tests.conftest import Person
from tests.database import lock_is_awaited
from tests.orders.placing import place_orders
from tests.tiers import LONGEST
from tools.processes import wait_until

GBP = Terms(currency="GBP")


def test_placing_takes_stock_and_totals_at_the_servers_price(
    person: Callable[..., Person], product: Callable[..., int], now: datetime
) -> None:
    who, jam = person(), product(stock=5, price="2.20")
    asked = Placement(customer=who.id, actor=who.customer.public_id, lines=[RequestedLine(jam, 3)])
    placed = place_order(asked, terms=GBP, now=now)
    assert placed.order.total == Decimal("6.60")
    assert inventory.available([jam]) == {jam: 2}


def test_a_refused_order_changes_nothing_and_names_every_short_line(
    person: Callable[..., Person], product: Callable[..., int], now: datetime
) -> None:
    who, jam, tea, rice = person(), product(stock=5), product(stock=1), product(stock=0)
    lines = [RequestedLine(jam, 3), RequestedLine(tea, 2), RequestedLine(rice, 1)]
    asked = Placement(customer=who.id, actor=who.customer.public_id, lines=lines)
    with pytest.raises(InsufficientStock) as refused:
        place_order(asked, terms=GBP, now=now)
    assert [(line["product"], line["available"]) for line in refused.value.lines] == [
        (tea, 1),
        (rice, 0),
    ]
    assert inventory.available([jam, tea, rice]) == {jam: 5, tea: 1, rice: 0}


def test_a_new_customer_and_their_order_are_stored_together_once_or_not_at_all(
    person: Callable[..., Person], product: Callable[..., int], now: datetime
) -> None:
    clerk, jam = person(is_staff=True), product(stock=5)
    new = NewCustomer(username="0117496", password=None)
    known = Customer.objects.filter(username="0117496")

    def place(units: int, id: UUID) -> Placed:
        asked = [RequestedLine(jam, units)]
        actor = clerk.customer.public_id
        order = Placement(customer=0, actor=actor, lines=asked, order_id=id)
        acting = StaffActing(actor, "admin", clerk.caller)
        return place_for_new(new, replace(order, acting=acting), terms=GBP, now=now)

    key = new_id()
    with pytest.raises(InsufficientStock):
        place(6, key)
    assert not known.exists()
    placed = place(2, key)
    assert placed.order.customer == known.get().pk
    repeat = place(2, key)
    assert (repeat.replayed, repeat.order.id) == (True, placed.order.id)
    for units, id, refusal in ((3, key, KeyReused), (2, new_id(), AlreadyTaken)):
        with pytest.raises(refusal):
            place(units, id)
    assert inventory.available([jam]) == {jam: 3}


@pytest.mark.django_db(transaction=True)
def test_an_order_does_not_wait_for_a_change_of_its_product(
    person: Callable[..., Person], product: Callable[..., int], now: datetime
) -> None:
    """The foreign key of a line references the product's stock and not the product."""
    who, jam = person(), product(stock=5)
    asked = Placement(customer=who.id, actor=who.customer.public_id, lines=[RequestedLine(jam, 1)])
    with psycopg.connect(os.environ["DATABASE_URL"]) as staff:
        staff.execute("UPDATE product SET sku = 'another' WHERE id = %s", [jam])
        assert place_order(asked, terms=GBP, now=now).order.lines[0].product == jam


@pytest.mark.django_db(transaction=True)
def test_offers_and_prices_are_read_after_locking_the_stock(
    person: Callable[..., Person], product: Callable[..., int], now: datetime
) -> None:
    """While the orders wait for the stock, one product is archived and the price of the other
    changes.
    """
    who, jam, tea = person(), product(stock=5), product(stock=5, price="1.00")
    asked = [
        Placement(customer=who.id, actor=who.customer.public_id, lines=[RequestedLine(id, 1)])
        for id in (jam, tea)
    ]

    def place() -> list[Placed | Exception]:
        try:
            return place_orders(asked, terms=GBP, now=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, psycopg.connect(os.environ["DATABASE_URL"]) as staff:
        staff.execute("UPDATE product SET archived_at = now() WHERE id = %s", [jam])
        staff.execute("UPDATE product SET price = 7 WHERE id = %s", [tea])
        placing = pool.submit(place)
        assert wait_until(lock_is_awaited)
        staff.commit()
        refused, placed = placing.result(LONGEST)
    assert isinstance(refused, UnknownProducts)
    assert isinstance(placed, Placed)
    assert placed.order.total == Decimal(7)
