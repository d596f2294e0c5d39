"""Locks the drafts that are to be placed, checks them, and reads their lines."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from msgspec.structs import replace

from larder.core.errors import DomainError, NotFound, StaleVersion
from larder.core.ids import SYSTEM_ACTOR
from larder.db import idempotency
from larder.db.idempotency import Earlier, Scope
from larder.orders.decision import Wanted
from larder.orders.errors import AlreadySubmitted, CartEmpty, OrderAbandoned
from larder.orders.models import Order, OrderLine, OrderStatus
from larder.orders.services.locks import lock_orders
from larder.orders.services.placing.placement import (
    ABANDONED,
    ORDER_ID,
    Candidate,
    DraftRow,
    fingerprint_of_lines,
    mark_of,
    unanswered,
)

Lines = Sequence[tuple[int, Wanted]]
"""The id of each line, ascending, and its product and quantity, with the price when it was
added."""


def lock_drafts(batch: Sequence[Candidate]) -> None:
    """Locks the drafts of a batch, by id, and sets the lines of each candidate.

    Answers NotFound (unknown, or of another customer), AlreadySubmitted, CartEmpty, StaleVersion,
    OrderAbandoned (the draft that was named or found has another id now). The locks last
    until the transaction ends, so these drafts do not change meanwhile.
    """
    carts = [one for one in batch if one.placement.cart is not None]
    _find_carts(carts)
    drafts = [one for one in unanswered(batch) if one.placement.is_draft]
    if drafts:
        ids = [one.id for one in drafts]
        # In this order, so that the lines are read under the lock.
        rows, lines = lock_orders(ids), _lines(ids)
        for one in drafts:
            _hold(one, rows.get(one.id), lines[one.id])
    named = [
        (one.placement.cart.version.id, one)
        for one in carts
        if one.placement.cart and one.placement.cart.version
    ]
    _refuse_abandoned([*named, *((one.id, one) for one in drafts)])


def _find_carts(carts: Sequence[Candidate]) -> None:
    """Sets the id of the customer's current draft in candidates that place a cart."""
    if not carts:
        return
    customers = {one.placement.customer for one in carts}
    drafts = Order.objects.filter(customer_id__in=customers, status=OrderStatus.DRAFT)
    present = dict(drafts.values_list("customer_id", "id"))
    for one in carts:
        found = present.get(one.placement.customer)
        if found is None:
            one.answer = _no_cart(one)
        else:
            one.id = found


def _lines(drafts: Collection[UUID]) -> dict[UUID, list[tuple[int, Wanted]]]:
    found: dict[UUID, list[tuple[int, Wanted]]] = defaultdict(list)
    rows = OrderLine.objects.filter(order_id__in=drafts).order_by("id")
    columns = ("order_id", "id", "product_id", "quantity", "unit_price")
    for order, id, *wanted in rows.values_list(*columns):
        found[order].append((id, Wanted(*wanted)))
    return found


def _hold(one: Candidate, row: Order | None, lines: Lines) -> None:
    one.answer = _refusal(one, row, lines)
    if row is not None and one.answer is None:
        shown = one.expected_total is not None
        one.wanted = [line if shown else replace(line, expected_price=None) for _, line in lines]
        one.lines_fingerprint = fingerprint_of_lines(one.wanted)
        one.draft = DraftRow(row.number, row.version, row.created_at, [id for id, _ in lines])


def _refusal(one: Candidate, row: Order | None, lines: Lines) -> DomainError | None:
    cart = one.placement.cart
    if row is None or row.customer_id != one.placement.customer:
        return NotFound() if cart is None else _no_cart(one)
    if row.status != OrderStatus.DRAFT:
        return AlreadySubmitted() if cart is None else _no_cart(one)
    if cart and cart.version and cart.version.differs(one.id, row.version):
        return StaleVersion(row.version)
    return None if lines else CartEmpty()


def _no_cart(one: Candidate) -> DomainError:
    """Returns the refusal if the customer has no cart: there was none, or it was placed or deleted
    while this order waited."""
    expected = one.placement.cart and one.placement.cart.version
    return StaleVersion(0) if expected and expected.version != 0 else CartEmpty()


def _refuse_abandoned(named: Iterable[tuple[UUID | None, Candidate]]) -> None:
    """Answers OrderAbandoned to candidates whose cart or draft has another id now, because its
    customer abandoned the former id."""
    scopes = [
        (Scope(SYSTEM_ACTOR, ORDER_ID, str(id)), one)
        for id, one in named
        if id is not None and isinstance(one.answer, StaleVersion | CartEmpty | NotFound)
    ]
    found = idempotency.find([scope for scope, _ in scopes])
    for scope, one in scopes:
        if found.get(scope) == Earlier(mark_of(one.placement.actor), ABANDONED):
            one.answer = OrderAbandoned()
