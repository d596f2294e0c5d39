"""Drafts that are to be placed: locked, looked at again, and their lines read."""

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
from larder.orders.services.placement import (
    ABANDONED,
    ORDER_ID,
    Candidate,
    HeldDraft,
    fingerprint_of_lines,
    mark_of,
    unanswered,
)

Lines = Sequence[tuple[int, Wanted]]
"""The id of each line, ascending, and what it asks for, at its price when it was added."""


def lock_drafts(group: Sequence[Candidate]) -> None:
    """Locks the drafts of a group, by id, and gives each candidate what is in its draft.

    Answers NotFound (unknown, or another's), AlreadySubmitted, CartEmpty, StaleVersion,
    OrderAbandoned (the draft that was named, found or seen has another id now). The locks last
    until the transaction ends; nothing is added to or taken from these drafts meanwhile.
    """
    carts = [one for one in group if one.asked.cart is not None]
    _find_carts(carts)
    drafts = [one for one in unanswered(group) if one.asked.is_draft]
    if drafts:
        ids = [one.id for one in drafts]
        # In this order: the lines are those under the lock.
        rows, lines = lock_orders(ids), _lines(ids)
        for one in drafts:
            _hold(one, rows.get(one.id), lines[one.id])
    seen = [
        (one.asked.cart.seen.id, one) for one in carts if one.asked.cart and one.asked.cart.seen
    ]
    _refuse_abandoned([*seen, *((one.id, one) for one in drafts)])


def _find_carts(carts: Sequence[Candidate]) -> None:
    """Gives those that place a cart the id of the customer's present draft."""
    if not carts:
        return
    customers = {one.asked.customer for one in carts}
    drafts = Order.objects.filter(customer_id__in=customers, status=OrderStatus.DRAFT)
    present = dict(drafts.values_list("customer_id", "id"))
    for one in carts:
        found = present.get(one.asked.customer)
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
        one.draft = HeldDraft(row.number, row.version, row.created_at, [id for id, _ in lines])


def _refusal(one: Candidate, row: Order | None, lines: Lines) -> DomainError | None:
    cart = one.asked.cart
    if row is None or row.customer_id != one.asked.customer:
        return NotFound() if cart is None else _no_cart(one)
    if row.status != OrderStatus.DRAFT:
        return AlreadySubmitted() if cart is None else _no_cart(one)
    if cart and cart.seen and cart.seen.differs(one.id, row.version):
        return StaleVersion(row.version)
    return None if lines else CartEmpty()


def _no_cart(one: Candidate) -> DomainError:
    """There is none; or there was one, and it was placed or deleted while this one waited."""
    seen = one.asked.cart and one.asked.cart.seen
    return StaleVersion(0) if seen and seen.version != 0 else CartEmpty()


def _refuse_abandoned(named: Iterable[tuple[UUID | None, Candidate]]) -> None:
    """Answers those whose cart or draft is not there because its customer abandoned the id it
    had."""
    scopes = [
        (Scope(SYSTEM_ACTOR, ORDER_ID, str(id)), one)
        for id, one in named
        if id is not None and isinstance(one.answer, StaleVersion | CartEmpty | NotFound)
    ]
    found = idempotency.find([scope for scope, _ in scopes])
    for scope, one in scopes:
        if found.get(scope) == Earlier(mark_of(one.asked.actor), ABANDONED):
            one.answer = OrderAbandoned()
