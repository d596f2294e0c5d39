"""Drafts that are to be placed: locked, looked at again, and their lines read."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from larder.common.errors import NotFound
from larder.orders.decision import Wanted
from larder.orders.errors import AlreadySubmitted, CartEmpty
from larder.orders.models import Order, OrderLine, OrderStatus
from larder.orders.services.placement import Candidate, HeldDraft, fingerprint_of_lines


class LockedRow(NamedTuple):
    """The row of an order as it stands under the lock."""

    customer: int
    status: str
    number: int
    version: int
    created_at: datetime


_COLUMNS = ("id", "customer_id", "status", "number", "version", "created_at")

Lines = Sequence[tuple[int, Wanted]]
"""The id of each line, ascending, and what it asks for."""


def hold_drafts(group: Sequence[Candidate]) -> None:
    """Locks the drafts of a group, by id, and gives each candidate what is in its draft.

    Answers NotFound (unknown, or another's), AlreadySubmitted, CartEmpty. The locks last until
    the transaction ends; nothing is added to or taken from these drafts meanwhile.
    """
    drafts = [one for one in group if one.asked.draft is not None]
    if not drafts:
        return
    ids = [one.id for one in drafts]
    rows, lines = lock(ids), _lines(ids)  # In this order: the lines are those under the lock.
    for one in drafts:
        _hold(one, rows.get(one.id), lines[one.id])


def lock(orders: Collection[UUID]) -> dict[UUID, LockedRow]:
    """Locks orders, by id, and reads them as they are then."""
    rows = Order.objects.filter(id__in=orders).order_by("id").select_for_update()
    return {id: LockedRow(*row) for id, *row in rows.values_list(*_COLUMNS)}


def _lines(drafts: Collection[UUID]) -> dict[UUID, list[tuple[int, Wanted]]]:
    found: dict[UUID, list[tuple[int, Wanted]]] = defaultdict(list)
    rows = OrderLine.objects.filter(order_id__in=drafts).order_by("id")
    for order, id, product, quantity in rows.values_list(
        "order_id", "id", "product_id", "quantity"
    ):
        found[order].append((id, Wanted(product, quantity)))
    return found


def _hold(one: Candidate, row: LockedRow | None, lines: Lines) -> None:
    if row is None or row.customer != one.asked.customer:
        one.answer = NotFound()
    elif row.status != OrderStatus.DRAFT:
        one.answer = AlreadySubmitted()
    elif not lines:
        one.answer = CartEmpty()
    else:
        one.wanted = [wanted for _, wanted in lines]
        one.lines_fingerprint = fingerprint_of_lines(one.wanted)
        one.draft = HeldDraft(row.number, row.version, row.created_at, [id for id, _ in lines])
