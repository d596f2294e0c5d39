"""Holds, confirms and expires orders in tests. Time passes by moving the expiry into the past."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest

from larder.db import database
from larder.identity.caller import Caller
from larder.identity.queries import with_rights
from larder.orders import queries
from larder.orders.decision import RequestedLine
from larder.orders.queries import OrderView
from larder.orders.services.batches import confirm_order, place_order
from larder.orders.services.expire_holds import expire_holds
from larder.orders.services.placing.placement import Hold, Placement, Terms
from larder.orders.services.transitions import TransitionRequest
from tests.conftest import Person

GBP = Terms(currency="GBP")
SECONDS = 600

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
WITH_BOOKS = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_agree")]
"""The marks of modules whose services commit, and after each of whose tests the books agree."""

Line = tuple[int, int]
"""A product and its units."""


def held_by(who: Person, *lines: Line, seconds: int = SECONDS) -> Placement:
    """The request for an order that awaits its payment."""
    return Placement(
        customer=who.id,
        actor=who.customer.public_id,
        lines=[RequestedLine(product, units) for product, units in lines],
        hold=Hold(seconds),
    )


def hold(who: Person, *lines: Line, seconds: int = SECONDS, terms: Terms = GBP) -> OrderView:
    """Places an order that awaits its payment."""
    asked = held_by(who, *lines, seconds=seconds)
    return place_order(asked, terms=terms, now=datetime.now(UTC)).order


def order(who: Person, *lines: Line) -> OrderView:
    """Places an order without a hold."""
    requested = [RequestedLine(product, units) for product, units in lines]
    asked = Placement(customer=who.id, actor=who.customer.public_id, lines=requested)
    return place_order(asked, terms=GBP, now=datetime.now(UTC)).order


def request(caller: Caller, order: UUID) -> TransitionRequest:
    """A caller's request to move an order."""
    return TransitionRequest(order=order, caller=caller, now=datetime.now(UTC))


def confirm(staff: Person, order: UUID) -> OrderView:
    """Confirms an order as a member of staff."""
    confirm_order(request(with_rights(staff.caller), order))
    return queries.order(order, customer=None)


PASS = """
UPDATE "order" SET expires_at = expires_at - make_interval(secs => %s)
WHERE status = 'pending' AND id = ANY(%s::uuid[])
"""
PASS_LINES = """
UPDATE held_line SET expires_at = expires_at - make_interval(secs => %s)
WHERE "order" = ANY(%s::uuid[])
"""
SOONEST = """
UPDATE stock SET next_expiry = (
    SELECT min(expires_at) FROM held_line
    WHERE held_line.product_id = stock.product_id AND released_at IS NULL)
"""


def pass_seconds(seconds: float, orders: Sequence[UUID]) -> None:
    """Moves the holds of these orders into the past by so many seconds."""
    for statement in (PASS, PASS_LINES):
        database.execute(statement, [seconds, list(orders)])
    database.execute(SOONEST)


def ledger(product: int) -> list[tuple[str, int, int]]:
    """The ledger of a product: cause and changes, oldest first."""
    return database.rows(
        "SELECT cause, available_change, committed_change FROM ledger_entry"
        " WHERE product_id = %s ORDER BY id",
        [product],
    )


def balance(product: int) -> tuple[int, int]:
    """The available and committed units of a product."""
    (row,) = database.rows(
        "SELECT available, committed FROM stock WHERE product_id = %s", [product]
    )
    return row


def status(order: UUID) -> str:
    """The stored status of an order."""
    ((status,),) = database.rows('SELECT status FROM "order" WHERE id = %s', [order])
    return str(status)


def events(order: UUID) -> list[tuple[str, str, str]]:
    """The events of an order: type and statuses."""
    return database.rows(
        "SELECT type, from_status, to_status FROM order_event WHERE order_id = %s"
        " ORDER BY position",
        [order],
    )


def expire() -> int:
    """Expires the holds that are due, as the worker does. Returns their number."""
    return expire_holds(now=datetime.now(UTC), limit=100)
