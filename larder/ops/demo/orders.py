"""The customers of the demo shop, and what they ordered in the last two weeks."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, time, timedelta
from functools import partial

from django.conf import settings

from larder.catalog import queries as catalog
from larder.core.errors import DomainError
from larder.db import database
from larder.identity.caller import Caller
from larder.identity.queries import SHIP_TO_FIELDS, exists, named, with_rights
from larder.identity.services import accounts, addresses
from larder.ops.demo.shop import ADMIN, Row, rows
from larder.orders.decision import RequestedLine
from larder.orders.payment_state import Kind
from larder.orders.queries import OrderView
from larder.orders.services import batches, moves, payments
from larder.orders.services.placing.placement import Placement, Terms
from larder.orders.services.transitions import TransitionRequest

MEMBER_FOR = timedelta(days=60)

STEP = timedelta(hours=17)

UNPAID = ("placed", "packed")
"""The statuses of orders that their customers pay when they get them."""


def load_orders(*, now: datetime) -> int:
    """Adds the customers and their orders to a shop without orders. Returns how many orders.

    The services place and move them, at times of the last two weeks.
    """
    if database.rows('SELECT 1 FROM "order" LIMIT 1'):
        return 0
    # Hundreds of small transactions: nobody misses the last of them after a crash.
    database.execute("SET synchronous_commit = off")
    ship_to = {row["username"]: _ship_to(row) for row in rows("customers.csv")}
    customers = {row["username"]: _customer(row, now=now) for row in rows("customers.csv")}
    terms = Terms(currency=settings.CURRENCY)
    staff, orders = _caller(ADMIN), rows("recent.csv")
    ids = catalog.ids_by_sku({sku for row in orders for sku in _units(row)})
    for left, row in zip(range(len(orders), 0, -1), orders, strict=True):
        day = (now - timedelta(days=int(row["days_ago"]))).date()
        planned = datetime.combine(day, time.fromisoformat(row["time"]), now.tzinfo)
        at = min(planned, now - timedelta(minutes=left))
        customer = customers[row["customer"]]
        placement = Placement(
            customer=customer.id,
            actor=customer.public_id,
            lines=[RequestedLine(ids[sku], int(units)) for sku, units in _units(row).items()],
            ship_to=ship_to[row["customer"]],
        )
        # Staff may have archived a product, or sold its units.
        with suppress(DomainError):
            order = batches.place_order(placement, terms=terms, now=at).order
            if row["status"] not in UNPAID:
                _pay(order, staff, at=at)
            _move(order, row["status"], staff, at=at, now=now)
    database.execute("RESET synchronous_commit")
    return len(orders)


def _units(row: Row) -> dict[str, str]:
    """Returns the units of an order by SKU."""
    return dict(line.split(":") for line in row["lines"].split())


def _ship_to(row: Row) -> dict[str, str]:
    name = f"{row['first_name']} {row['last_name']}"
    columns = {**row, "name": name, "country": "GB"}
    return {field: columns[field] for field in SHIP_TO_FIELDS if field in columns}


def _customer(row: Row, *, now: datetime) -> Caller:
    """Returns the customer with this name. Adds a missing one, who has no password, and the
    address."""
    names = {field: row[field] for field in ("username", "email", "first_name", "last_name")}
    if not exists(row["username"]):
        new = accounts.NewCustomer(**names, password=None)
        accounts.register(new, policy="open", now=now - MEMBER_FOR)
    customer = _caller(row["username"])
    addresses.add_address(customer, {"label": "Home", **_ship_to(row)}, now=now)
    return customer


def _caller(username: str) -> Caller:
    account = named(username).get()
    return with_rights(Caller(account.pk, account.public_id, account.is_staff, session=None))


def _pay(order: OrderView, staff: Caller, *, at: datetime) -> None:
    """Records that the customer has paid the order at the shop's terminal."""
    payment = payments.NewPayment(
        provider="terminal",
        kind=Kind.CAPTURED,
        transaction_id=payments.own_id(),
        amount=order.payable,
        currency=order.currency,
        at=at,
        by_hand=True,
    )
    payments.record_payment(order.id, payment, caller=staff, now=at)


def _move(order: OrderView, status: str, staff: Caller, *, at: datetime, now: datetime) -> None:
    """Moves a new order to this status, each STEP after the one before."""
    lines = [moves.ReturnedLine(line.product, line.quantity) for line in order.lines]
    tracking = moves.Tracking("Royal Mail", f"LD{order.number:07}GB")
    steps: dict[str, Callable[[TransitionRequest], object]] = {
        "packed": moves.pack_order,
        "shipped": partial(moves.ship_order, tracking=tracking),
        "delivered": moves.deliver_order,
        "returned": partial(moves.return_order, lines=lines, reason="Changed mind"),
    }
    if status == "cancelled":
        steps = {status: partial(moves.cancel_order, reason="Ordered twice")}
    for name in [*steps][: ["placed", *steps].index(status)]:
        at = min(at + STEP, now)
        steps[name](TransitionRequest(order=order.id, caller=staff, now=at))
