"""Stock: figures for everybody, adjustments and the ledger for staff."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse

from larder.core.clock import now
from larder.core.errors import Fault
from larder.db.idempotency import RETENTION, fingerprint
from larder.http import pagination
from larder.identity.caller import Caller
from larder.inventory import queries
from larder.inventory.queries import LedgerRow
from larder.inventory.services import adjustments
from larder.inventory.services.adjustments import AdjustmentLine
from larder.inventory.services.movements import CAUSES, OPENING
from larder.orders import queries as orders
from larder.v1 import shapes, stock_shapes
from larder.v1.freshness import causal
from larder.v1.http import PageParameters, claim, read_page, replay_headers, reply, reply_tagged
from larder.v1.operations import CACHED, ECHOED, KEYED, operation


class StockParameters(msgspec.Struct):
    """Which products."""

    products: shapes.Ids


def _faults(body: Any, _: Caller | None) -> Iterator[Fault]:
    """What the declaration cannot say: one way of naming a product, one kind of change."""
    reason, lines = body.get("reason"), body.get("lines")
    if isinstance(reason, str) and reason in CAUSES:
        yield Fault("/reason", "unknown_value", "This cause is the shop's own.")
    for position, line in enumerate(lines if isinstance(lines, list) else ()):
        for one, other in (("product", "sku"), ("delta", "counted")):
            if isinstance(line, dict) and (one in line) == (other in line):
                yield Fault(f"/lines/{position}", "one_of", f"Give either {one} or {other}.")


@operation(
    tag="stock", answers={200: stock_shapes.StockFigures, 304: None}, traits=[CACHED, ECHOED]
)
@causal
def get_stock(request: HttpRequest, caller: Caller, query: StockParameters) -> HttpResponse:
    """How many of each product can be ordered at this moment."""
    figures = queries.available([int(one) for one in query.products.split(",")])
    results = [stock_shapes.StockFigure(*figure) for figure in figures.items()]
    return reply_tagged(request, stock_shapes.StockFigures(results))


@operation(
    tag="stock",
    answers={201: stock_shapes.Adjustment},
    problems=[
        "unknown_product",
        "insufficient_stock",
        "count_below_committed",
        "stock_limit_exceeded",
    ],
    traits=[KEYED],
    staff=True,
    also=_faults,
)
def adjust_stock(
    request: HttpRequest, caller: Caller, body: stock_shapes.NewAdjustment
) -> HttpResponse:
    """Staff: books goods received, damaged or counted; all lines or none."""
    moment = now()
    content = fingerprint(msgspec.to_builtins(body))
    adjusted = adjustments.adjust_stock(
        [_line(one) for one in body.lines],
        reason=body.reason,
        actor=caller.public_id,
        now=moment,
        claim=claim(request, caller, content, expires_at=moment + RETENTION),
    )
    found = queries.adjustment(adjusted.id)
    lines = [stock_shapes.AdjustedLine(one.product, one.delta, one.balance) for one in found.lines]
    answer = stock_shapes.Adjustment(found.id, found.reason, found.actor, found.at, lines)
    return reply(answer, status=201, headers=replay_headers(replayed=adjusted.replayed))


class LedgerPlace(pagination.Place, array_like=True, tag="ledger"):
    """Where a page of a ledger ended."""

    id: shapes.Id


@operation(
    tag="stock",
    answers={200: stock_shapes.LedgerPage, 304: None},
    problems=["not_found"],
    traits=[CACHED],
    staff=True,
)
def get_ledger(
    request: HttpRequest, caller: Caller, product: int, query: PageParameters
) -> HttpResponse:
    """Staff: why a product's stock is what it is, newest first."""

    def find(place: LedgerPlace | None, rows: int) -> list[LedgerRow]:
        return queries.ledger(product, before=place.id if place else None, limit=rows)

    entries, link = read_page(request, query, LedgerPlace, find, _place)
    events = {UUID(one.reference) for one in entries if one.cause in _OF_ORDERS}
    behind = {str(event): order for event, order in orders.orders_of(events).items()}
    results = [_shown(one, behind.get(one.reference)) for one in entries]
    return reply_tagged(request, stock_shapes.LedgerPage(results, link))


_OF_ORDERS = CAUSES - {OPENING}
"""The causes whose entries refer to an event of an order."""


def _place(entry: LedgerRow) -> LedgerPlace:
    return LedgerPlace(entry.id)


def _shown(entry: LedgerRow, order: UUID | None) -> stock_shapes.LedgerEntry:
    return stock_shapes.LedgerEntry(
        delta=entry.delta,
        committed_delta=entry.committed_delta,
        balance=entry.balance,
        committed_balance=entry.committed_balance,
        cause=entry.cause,
        reference=entry.reference,
        order=order,
        actor=entry.actor,
        at=entry.at,
    )


def _line(line: stock_shapes.AdjustmentLine) -> AdjustmentLine:
    return AdjustmentLine(
        product=line.product if isinstance(line.product, int) else str(line.sku),
        delta=line.delta if isinstance(line.delta, int) else None,
        counted=line.counted if isinstance(line.counted, int) else None,
    )
