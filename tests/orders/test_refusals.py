"""Refused orders are counted by day and code, whichever way they came."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from time import monotonic, sleep
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import ProgrammingError

from larder.compat import ordering
from larder.core.batch_queue import Limits
from larder.core.clock import now as clock
from larder.core.errors import DomainError, NotFound, Overloaded
from larder.inventory.errors import InsufficientStock
from larder.ops import tasks
from larder.orders.decision import Wanted
from larder.orders.errors import CartEmpty
from larder.orders.models import RefusedOrders
from larder.orders.services import refusals
from larder.orders.services.placing import place_order
from larder.orders.services.placing.placement import Placement, Terms
from larder.orders.sql import daily
from tests.conftest import Api, Person
from tests.server import Server
from tests.staff.desk import Desk
from tests.staff.telephone import CALL
from tests.staff.telephone import lines as filled

UTC_ZONE = ZoneInfo("UTC")
MANY = 12
SOON = 90
"""Seconds within which a server on a busy machine has written its counts."""


@pytest.fixture(autouse=True)
def _nothing_is_noted() -> Iterator[None]:
    refusals._noted.clear()
    refusals._counts.clear()
    yield
    refusals._noted.clear()
    refusals._counts.clear()


def stored() -> dict[str, int]:
    found: dict[str, int] = {}
    for code, number in RefusedOrders.objects.values_list("code", "number"):
        found[code] = found.get(code, 0) + number
    return found


def written() -> dict[str, int]:
    refusals.write(zone=UTC_ZONE)
    return stored()


def test_a_refusal_is_counted_once_by_all_apis_the_cart_and_the_admin(
    customer: Api, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    jam = product(stock=1)
    body = {"lines": [{"product": jam, "quantity": 2}]}
    assert customer("POST", "orders", body).status == 409
    assert written() == {"insufficient_stock": 1}
    assert customer("POST", "cart/submit").status == 409
    assert written() == {"insufficient_stock": 1, "cart_empty": 1}
    desk = Desk(person(is_staff=True, is_superuser=True))
    page = desk.save(CALL, customer=str(person().id), **filled((jam, 2)))
    assert page.errors
    assert written() == {"insufficient_stock": 2, "cart_empty": 1}
    with pytest.raises(InsufficientStock):
        ordering.place(person().caller, [(jam, 2)])
    assert written() == {"insufficient_stock": 3, "cart_empty": 1}


def test_an_order_that_finds_no_place_in_the_queue_is_counted(
    person: Callable[..., Person], product: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    who = person()
    lines = [Wanted(product(stock=5), 1)]
    asked = Placement(customer=who.id, actor=who.customer.public_id, lines=lines)
    queue = place_order._queue(Terms(currency="GBP")).queue
    monkeypatch.setattr(queue, "_limits", Limits(queue_capacity=0))
    with pytest.raises(Overloaded):
        place_order.place_order(asked, terms=Terms(currency="GBP"), now=clock())
    monkeypatch.undo()
    place_order.place_order(asked, terms=Terms(currency="GBP"), now=clock())
    assert written() == {"overloaded": 1}


def test_codes_that_are_not_counted_are_other_reasons(db: None) -> None:
    kinds = [type(f"Kind{n}", (DomainError,), {"code": f"kind_{n}"}) for n in range(50)]
    for kind in (*kinds, NotFound, CartEmpty):
        refusals.note(kind(), now=clock())
    assert written() == {"other": 51, "cart_empty": 1}


def test_an_order_belongs_to_its_day_in_the_time_zone(db: None) -> None:
    refusals.note(CartEmpty(), now=datetime(2026, 7, 1, 22, 30, tzinfo=UTC))
    refusals.write(zone=ZoneInfo("Europe/Berlin"))
    assert RefusedOrders.objects.get().day == date(2026, 7, 2)


@pytest.mark.django_db(transaction=True)
def test_a_write_that_fails_keeps_the_counts_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    refusals.note(CartEmpty(), now=clock())
    with monkeypatch.context() as broken:
        broken.setattr(daily, "ADD_REFUSED", daily.ADD_REFUSED.replace("refused_orders", "gone"))
        with pytest.raises(ProgrammingError):
            refusals.write(zone=UTC_ZONE)
    refusals.note(CartEmpty(), now=clock())
    assert written() == {"cart_empty": 2}
    assert written() == {"cart_empty": 2}


def test_nothing_is_written_if_no_order_was_refused(
    db: None, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        refusals.write(zone=UTC_ZONE)


def test_counts_of_days_long_past_are_deleted(db: None) -> None:
    for days in (0, 365, 368, 369):
        refusals.note(CartEmpty(), now=clock() - timedelta(days=days))
    assert written() == {"cart_empty": 4}
    assert refusals.delete_old(now=clock(), limit=1) == 1
    tasks.delete_old_mails(0)
    assert stored() == {"cart_empty": 2}


@pytest.mark.system
def test_servers_write_their_counts_while_they_run_and_when_they_stop(
    transactional_db: None, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    jam, who = product(stock=50), person()
    # Servers of other tests write counts of their day at any time.
    zone = "Pacific/Kiritimati" if clock().hour >= 10 else "Pacific/Pago_Pago"
    day = clock().astimezone(ZoneInfo(zone)).date()
    assert day != clock().date()

    def counted() -> dict[str, int]:
        return dict(RefusedOrders.objects.filter(day=day).values_list("code", "number"))

    def refused() -> None:
        """Each time over a new connection, so that both processes get some."""
        for _ in range(MANY):
            server.hang_up()
            body = {"lines": [{"product": jam, "quantity": 51}]}
            assert server.call("POST", "orders", body, token=token).status == 409

    with Server(workers=2, environment={"SHOP_TIME_ZONE": zone}) as server:
        token = server.token(who.customer.username, who.password)
        for _ in range(4):
            body = {"lines": [{"product": jam, "quantity": 1}]}
            assert server.call("POST", "orders", body, token=token).status == 201
        refused()
        deadline = monotonic() + SOON
        while counted() != {"insufficient_stock": MANY}:
            assert monotonic() < deadline, counted()
            sleep(0.5)
        refused()
    assert counted() == {"insufficient_stock": 2 * MANY}
