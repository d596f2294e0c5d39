"""Writes decided orders: orders, lines and events in one statement, for a batch of any size.

New orders are inserted. Drafts are updated, by a separate statement.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db.backends.postgresql.psycopg_any import Jsonb

from larder.db import database
from larder.identity.services import audit
from larder.orders.models import Order, OrderStatus
from larder.orders.queries import LineView, OrderView, view_of
from larder.orders.services.locks import LockBroken, order_name
from larder.orders.services.placing.placement import Candidate, DraftRow, Placed
from larder.orders.sql import writes


def write_placed(placed: Sequence[Candidate], *, currency: str, now: datetime) -> None:
    """Writes the orders. `answer_placed` then makes the answers of their candidates."""
    held = [one for one in placed if one.expires_at is not None]
    if held:
        _write(held, currency, now)
        placed = [one for one in placed if one.expires_at is None]
    _write(placed, currency, now)


def _write(placed: Sequence[Candidate], currency: str, now: datetime) -> None:
    """Writes orders that all have a hold, or that all have none."""
    new = [one for one in placed if one.draft is None]
    drafts = [(one, one.draft) for one in placed if one.draft is not None]
    if new:
        _insert(new, currency, now)
    if drafts:
        _place_drafts(drafts, currency, now)
    for one in new:
        if one.placement.acting is not None:
            audit.record_all([_entry(one)], by=one.placement.acting)


def _entry(one: Candidate) -> audit.Entry:
    """Returns the entry of an order that staff place for a customer."""
    quantities = {str(line.offer.id): line.quantity for line in one.lines}
    after = {"customer": one.placement.customer, "total": one.total, "quantities": quantities}
    return audit.Entry(order_name(one.id), "place", after=after)


def _insert(placed: Sequence[Candidate], currency: str, now: datetime) -> None:
    lines = [
        (
            one.id,
            line.offer.id,
            line.offer.sku,
            line.offer.name,
            line.unit_price,
            line.quantity,
            line.offer.tax_rate,
        )
        for one in placed
        for line in one.lines
    ]
    orders = database.columns((one.id, one.placement.customer, *_content(one)) for one in placed)
    given = database.columns(lines)
    parameters = [currency, now, now, now, *orders, now, *given, now, *_events(placed)]
    statement = writes.INSERT if placed[0].expires_at is None else writes.INSERT_HELD
    ((ids, numbers, line_ids),) = database.rows(statement, parameters)
    number_of, lines_left = dict(zip(ids, numbers, strict=True)), iter(line_ids)
    for one in placed:
        # The order and its lines are new.
        own_lines = [next(lines_left) for _ in one.lines]
        one.written = DraftRow(number_of[one.id], 0, now, own_lines)


def _place_drafts(
    drafts: Sequence[tuple[Candidate, DraftRow]], currency: str, now: datetime
) -> None:
    orders = database.columns((one.id, *_content(one)) for one, _ in drafts)
    lines = database.columns(
        (id, line.offer.sku, line.offer.name, line.unit_price, line.offer.tax_rate)
        for one, draft in drafts
        for id, line in zip(draft.line_ids, one.lines, strict=True)
    )
    events = _events([one for one, _ in drafts])
    parameters = [currency, now, now, *orders, now, *lines, now, *events]
    is_held = drafts[0][0].expires_at is not None
    statement = writes.PLACE_HELD_DRAFTS if is_held else writes.PLACE_DRAFTS
    found = {row[0] for row in database.rows(statement, parameters)}
    if len(found) != len(drafts):
        raise LockBroken(*({one.id for one, _ in drafts} - found))
    for one, draft in drafts:
        one.written = draft


def answer_placed(batch: Sequence[Candidate], *, currency: str) -> None:
    """Answers the candidates whose orders were written. Called after the commit: in the
    transaction, it would hold the locks of stock a tenth longer."""
    now = max(one.now for one in batch)
    for one in batch:
        if one.written is not None:
            view = _view(one, one.written, currency, now)
            one.answer = Placed(view, replayed=False, remaining=one.remaining)


def _content(one: Candidate) -> tuple[object, ...]:
    placement = one.placement
    ship_to = None if placement.ship_to is None else Jsonb(placement.ship_to)
    details = (placement.note, placement.reference, ship_to, placement.requested_for)
    expiry = () if one.expires_at is None else (one.expires_at,)
    return (one.total, *details, one.lines_fingerprint, one.rest_fingerprint, *expiry)


def _events(placed: Sequence[Candidate]) -> list[list[object]]:
    return database.columns((one.event, one.id, one.placement.actor) for one in placed)


_DEFAULTS = {one.attname: one.get_default() for one in Order._meta.concrete_fields}
"""The values of the columns that placing does not set."""


def _view(one: Candidate, row: DraftRow, currency: str, now: datetime) -> OrderView:
    placement = one.placement
    written = {
        "id": one.id,
        "number": row.number,
        "customer_id": placement.customer,
        "status": OrderStatus.PLACED if one.expires_at is None else OrderStatus.PENDING,
        "currency": currency,
        "total": one.total,
        "note": placement.note,
        "reference": placement.reference,
        "ship_to": placement.ship_to,
        "requested_for": placement.requested_for,
        "created_at": row.created_at,
        "placed_at": now,
        "updated_at": now,
        "version": row.version + 1,
        "expires_at": one.expires_at,
    }
    return view_of(_DEFAULTS | written, list(_lines(one, row.line_ids)))


def _lines(one: Candidate, ids: Sequence[int]) -> Iterator[LineView]:
    for id, line in zip(ids, one.lines, strict=True):
        yield LineView(
            id,
            line.offer.id,
            line.offer.sku,
            line.offer.name,
            line.quantity,
            line.unit_price,
            tax_rate=line.offer.tax_rate,
        )
