"""The statements that change and count orders and payments do what the ORM does."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.db import transaction
from django.db.models import F, Q

from larder.core.ids import new_id
from larder.db import database
from larder.identity.models import AuditEntry
from larder.inventory.models import HeldLine
from larder.orders.models import (
    Order,
    OrderEvent,
    OrderLine,
    OrderStatus,
    Payment,
    SalesChange,
)
from larder.orders.payment_state import Record
from larder.orders.services.locks import lock_order
from larder.orders.sql import payments as payments_sql
from larder.orders.sql import reads, sales, writes
from tests.conftest import Person
from tests.orders.written import written

DAY = date(2026, 12, 24)
Orders = dict[str, Order]


@pytest.fixture
def orders(person: Callable[..., Person], product: Callable[..., int], now: datetime) -> Orders:
    """An order of each status with two lines, and a second one that is pending."""
    who, products = person(), [product(), product()]
    orders = {}
    for n, name in enumerate([*OrderStatus.values, "second"]):
        status = "pending" if name == "second" else name
        at = now + timedelta(minutes=n)
        orders[name] = Order.objects.create(
            id=new_id(),
            customer_id=who.id,
            status=status,
            currency="GBP",
            total=3,
            created_at=at,
            updated_at=at,
            placed_at=at,
            expires_at=at + timedelta(days=36_500) if status in {"pending", "expired"} else None,
            requested_for=DAY + timedelta(days=n % 3 - 1),
        )
        for place, id in enumerate(products):
            OrderLine.objects.create(
                order=orders[name],
                product_id=id,
                sku=f"S{place}",
                name="Jam",
                unit_price=Decimal("1.5"),
                quantity=9,
                ordered=12,
                returned=place,
                placed_at=orders[name].placed_at,
            )
    return orders


def test_change_orders_writes_what_the_orm_would(
    orders: Orders, product: Callable[..., int], now: datetime
) -> None:
    later, actor, other = now + timedelta(hours=1), UUID(int=1), orders["shipped"].version + 1
    changes = [
        (orders["pending"], "pending", 1, "placed", 3, "confirmed", {}),
        (orders["placed"], "pending", 1, "expired", 3, "expired", {}),
        (orders["packed"], "packed", 1, "packed", 7, "changed", {"before": 'a "\\ quote'}),
        (orders["shipped"], "shipped", other, "delivered", 3, "delivered", {}),
        (orders["second"], "pending", 1, "pending", 3, "payment", {}),
    ]
    events = [new_id() for _ in changes]
    ends = {"event": new_id(), "quantity": 1, "expires_at": later}
    for name in ("pending", "second"):
        HeldLine.objects.create(order=orders[name].id, product_id=product(), **ends)

    def by_the_orm() -> None:
        for event, (row, was, version, status, total, kind, data) in zip(
            events, changes, strict=True
        ):
            locked = Order.objects.filter(id=row.id, status=was, version=version)
            new = {"status": status, "total": total, "units": 5, "updated_at": later}
            if kind == "confirmed":
                new["confirmed_at"] = later
            locked.update(version=F("version") + 1, **new)
            of = {"from_status": was, "to_status": status, "actor": actor, "at": later}
            OrderEvent.objects.create(id=event, order_id=row.id, type=kind, data=data, **of)
        HeldLine.objects.filter(order=orders["pending"].id).delete()
        of = {"actor": actor, "channel": "v1", "action": "confirm"}
        states = {"before": {"status": "pending"}, "after": {"status": "placed"}}
        AuditEntry.objects.create(object=f"order:{orders['pending'].id}", **of, **states)

    rows_of = [
        {"id": row.id, "was_status": was, "was_version": version, "status": status, "total": total}
        | {"units": 5, "event": event, "type": kind, "actor": actor, "data": data}
        | {"channel": "v1" if kind == "confirmed" else None}
        for event, (row, was, version, status, total, kind, data) in zip(
            events, changes, strict=True
        )
    ]
    values = [later, msgspec.json.encode(rows_of).decode()]
    changed: list[Any] = []
    rows = written(lambda: changed.extend(database.rows(writes.CHANGE_ORDERS, values)))
    assert rows == written(by_the_orm)
    ids = {orders[name].id for name in ("pending", "packed", "second")}
    assert {id for (id,) in changed} == ids


def test_placed_orders_are_those_that_the_orm_finds(orders: Orders) -> None:
    ids = [order.id for order in orders.values()][::-1]
    placed = set(Order.objects.filter(id__in=ids).values_list("id", flat=True))
    assert {row[0] for row in database.rows(reads.WITH_IDS, [ids])} == placed
    in_order = [row[0] for row in database.rows(reads.AS_GIVEN, [ids, ids])]
    assert in_order == [id for id in ids if id in placed]


def test_set_lines_writes_what_the_orm_would(orders: Orders) -> None:
    first, second = OrderLine.objects.filter(order=orders["shipped"]).order_by("id")
    third, fourth = OrderLine.objects.filter(order=orders["packed"]).order_by("id")
    changes = [(first.id, 4, None, 0), (second.id, 9, 12, 7), (third.id, 5, 11, 2)]
    columns = ("quantity", "ordered", "returned")

    def by_the_orm() -> None:
        for id, *values in changes:
            OrderLine.objects.filter(id=id).update(**dict(zip(columns, values, strict=True)))

    rows = written(lambda: database.execute(writes.SET_LINES, database.columns(changes)))
    assert rows == written(by_the_orm) != written(fourth.save)


def test_book_changes_writes_what_the_orm_would(orders: Orders, now: datetime) -> None:
    line = {"order_id": orders["placed"].id, "version": 2, "type": "changed", "product": 1}
    line |= {"sku": "S", "name": 'Jam "', "unit_price": Decimal("1.5"), "tax_rate": None}
    line |= {"quantity": -2, "gross": -300, "net": None}
    line |= {"returned": 0, "returned_gross": 0, "returned_net": None}
    taxed = line | {"tax_rate": Decimal("7.25"), "net": -280, "returned_net": 0}

    def booked(run: Callable[[], object]) -> list[dict[str, Any]]:
        with transaction.atomic():
            run()
            rows = list(SalesChange.objects.order_by("id").values("at", *line))
            transaction.set_rollback(True)
        return rows

    def by_statement() -> None:
        lines = msgspec.json.encode([line, taxed]).decode()
        database.execute(sales.BOOK_CHANGES, {"at": now, "lines": lines})

    def by_the_orm() -> None:
        SalesChange.objects.bulk_create([SalesChange(at=now, **each) for each in (line, taxed)])

    assert booked(by_statement) == booked(by_the_orm) != []


def test_lines_of_a_locked_order_are_those_of_the_orm(orders: Orders) -> None:
    id = orders["placed"].id
    columns = ("id", "product_id", "sku", "name", "quantity", "unit_price", "returned")
    lines = OrderLine.objects.filter(order=id).order_by("id")
    rows = database.rows(writes.LINES_OF_LOCKED, [id])
    assert rows == list(lines.values_list(*columns, "ordered", "tax_rate"))
    assert len(rows) == 2


def test_locked_and_existing_orders_are_those_of_the_orm(orders: Orders) -> None:
    """LOCK and EXISTING."""
    ids = [*[order.id for order in orders.values()], new_id()]
    expected = {order.id: vars(order) for order in Order.objects.filter(id__in=ids)}
    with transaction.atomic():
        locked = {id: order for id in ids if (order := lock_order(id))}
    assert set(locked) == set(expected)
    for id, order in locked.items():
        assert not order.get_deferred_fields()
        assert vars(order) | {"_state": None} == expected[id] | {"_state": None}
    assert {id for (id,) in database.rows(writes.EXISTING, [ids, ids])} == set(expected)


def payment(number: int, order: Order | None, intent: str, now: datetime, **rest: Any) -> Payment:
    row = {"provider": "cash", "kind": "captured", "amount": number + 1, "currency": "GBP"}
    row |= {"transaction_id": f"t{number}", "intent": intent, "at": now, "recorded_at": now}
    return Payment(order=order.id if order else None, actor=UUID(int=2), **row | rest)


def test_record_payment_writes_what_the_orm_would(orders: Orders, now: datetime) -> None:
    columns = [column.attname for column in Payment._meta.concrete_fields if column.name != "id"]
    asked = [payment(0, orders["placed"], "i", now), payment(1, None, "", now)]

    def recorded(run: Callable[[], object]) -> list[tuple[Any, ...]]:
        with transaction.atomic():
            run()
            rows = list(Payment.objects.order_by("transaction_id").values_list(*columns))
            transaction.set_rollback(True)
        return rows

    def by_statement() -> None:
        values = [{name: getattr(row, name) for name in columns} for row in asked]
        written = [
            len(database.rows(payments_sql.RECORD_PAYMENT, row)) for row in [*values, *values]
        ]
        assert written == [1, 1, 0, 0]

    def by_the_orm() -> None:
        Payment.objects.bulk_create([*asked, *asked], ignore_conflicts=True)

    assert recorded(by_statement) == recorded(by_the_orm) != []


def test_the_records_of_an_order_are_those_of_the_orm(orders: Orders, now: datetime) -> None:
    mine, other = orders["placed"], orders["packed"]
    Payment.objects.bulk_create(
        [
            payment(0, mine, "i", now),
            payment(1, mine, "", now),
            payment(2, None, "i", now, kind="refunded"),
            payment(3, None, "i", now, provider="card"),
            payment(4, None, "", now),
            payment(5, other, "j", now),
            payment(6, other, "i", now),
        ]
    )
    pairs = [
        Q(order=None, provider=provider, intent=intent)
        for provider, intent in Payment.objects.filter(order=mine.id)
        .exclude(intent="")
        .values_list("provider", "intent")
    ]
    expected = Payment.objects.filter(Q(order=mine.id) | pairs[0])
    records = list(expected.order_by("id").values_list(*Record.__slots__))
    assert len(records) == 3
    page: dict[str, Any] = {"order": mine.id, "after": 0, "limit": None}
    assert database.rows(payments_sql.RECORDS, page) == records
    page |= {"after": records[0][0], "limit": 1}
    assert database.rows(payments_sql.RECORDS, page) == records[1:2]
