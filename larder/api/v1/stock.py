"""Stock: figures for everybody, adjustments and the ledger for staff."""

import msgspec
from django.http import HttpResponse
from msgspec import UNSET
from rest_framework.request import Request

from larder.api import pagination
from larder.api.authentication import IsStaff
from larder.api.v1 import shapes
from larder.api.v1.bodies import read_body
from larder.api.v1.http import (
    Endpoint,
    PageParameters,
    caller,
    claim,
    read_parameters,
    replay_headers,
    reply,
    reply_tagged,
)
from larder.api.v1.operations import CACHED, KEYED, operation
from larder.catalog import queries as catalog
from larder.common.clock import now
from larder.common.errors import Fault, InvalidInput, UnknownProducts
from larder.common.idempotency import RETENTION, fingerprint
from larder.inventory import queries
from larder.inventory.queries import LedgerRow
from larder.inventory.services import adjustments
from larder.inventory.services.adjustments import AdjustmentLine
from larder.inventory.services.movements import CAUSES


class StockParameters(msgspec.Struct):
    """Which products."""

    products: shapes.Ids


class Stock(Endpoint):
    @operation(
        "get_stock",
        tag="stock",
        parameters=StockParameters,
        answers={200: shapes.StockFigures, 304: None},
        traits=[CACHED],
    )
    def get(self, request: Request) -> HttpResponse:
        """How many of each product can be ordered at this moment."""
        asked = read_parameters(request, StockParameters)
        figures = queries.available([int(one) for one in asked.products.split(",")])
        results = [shapes.StockFigure(*figure) for figure in figures.items()]
        return reply_tagged(request, shapes.StockFigures(results))


class Adjustments(Endpoint):
    permission_classes = (IsStaff,)

    @operation(
        "adjust_stock",
        tag="stock",
        body=shapes.NewAdjustment,
        answers={201: shapes.Adjustment},
        problems=[
            "not_staff",
            "unknown_product",
            "insufficient_stock",
            "count_below_committed",
            "stock_limit_exceeded",
        ],
        traits=[KEYED],
    )
    def post(self, request: Request) -> HttpResponse:
        """Staff: books goods received, damaged or counted; all lines or none."""
        body = read_body(request, shapes.NewAdjustment)
        _check(body)
        moment = now()
        content = fingerprint(msgspec.to_builtins(body))
        adjusted = adjustments.adjust_stock(
            _lines(body),
            reason=body.reason,
            actor=caller(request).public_id,
            now=moment,
            claim=claim(request, content, expires_at=moment + RETENTION),
        )
        found = queries.adjustment(adjusted.id)
        lines = [shapes.AdjustedLine(one.product, one.delta, one.balance) for one in found.lines]
        answer = shapes.Adjustment(found.id, found.reason, found.actor, found.at, lines)
        return reply(answer, status=201, headers=replay_headers(replayed=adjusted.replayed))


class LedgerPlace(pagination.Place, array_like=True, tag="ledger"):
    """Where a page of a ledger ended."""

    id: shapes.Id


class Ledger(Endpoint):
    permission_classes = (IsStaff,)

    @operation(
        "get_ledger",
        tag="stock",
        parameters=PageParameters,
        answers={200: shapes.LedgerPage, 304: None},
        problems=["not_staff", "not_found"],
        traits=[CACHED],
    )
    def get(self, request: Request, product: int) -> HttpResponse:
        """Staff: why a product's stock is what it is, newest first."""
        asked = read_parameters(request, PageParameters)
        place = pagination.decode(asked.cursor, LedgerPlace)
        before = place.id if place else None
        found = queries.ledger(product, before=before, limit=asked.rows + 1)
        entries, link = pagination.page(request, found, asked.rows, _place)
        return reply_tagged(request, shapes.LedgerPage([_shown(one) for one in entries], link))


def _place(entry: LedgerRow) -> LedgerPlace:
    return LedgerPlace(entry.id)


def _shown(entry: LedgerRow) -> shapes.LedgerEntry:
    return shapes.LedgerEntry(
        delta=entry.delta,
        committed_delta=entry.committed_delta,
        balance=entry.balance,
        committed_balance=entry.committed_balance,
        cause=entry.cause,
        reference=entry.reference,
        actor=entry.actor,
        at=entry.at,
    )


def _check(body: shapes.NewAdjustment) -> None:
    """What the declaration cannot say: one way of naming a product, one kind of change."""
    found = []
    if body.reason in CAUSES:
        found.append(Fault("/reason", "unknown_value", "This cause is the shop's own."))
    for position, line in enumerate(body.lines):
        if (line.product is UNSET) == (line.sku is UNSET):
            detail = "Give either product or sku."
            found.append(Fault(f"/lines/{position}", "one_of", detail))
        if (line.delta is UNSET) == (line.counted is UNSET):
            detail = "Give either delta or counted."
            found.append(Fault(f"/lines/{position}", "one_of", detail))
    if found:
        raise InvalidInput(found)


def _lines(body: shapes.NewAdjustment) -> list[AdjustmentLine]:
    """Lines with product ids; raises UnknownProducts for every unknown SKU and id."""
    skus = {line.sku for line in body.lines if isinstance(line.sku, str)}
    ids = catalog.ids_by_sku(skus)
    products = {line.product for line in body.lines if isinstance(line.product, int)}
    known = catalog.existing(products) if skus != ids.keys() else products
    unknown = [
        {"code": "unknown_product", **_named(line)}
        for line in body.lines
        if line.sku not in ids and line.product not in known
    ]
    if unknown:
        raise UnknownProducts(unknown)
    return [_line(line, ids) for line in body.lines]


def _named(line: shapes.AdjustmentLine) -> dict[str, object]:
    return {"sku": line.sku} if isinstance(line.sku, str) else {"product": line.product}


def _line(line: shapes.AdjustmentLine, ids: dict[str, int]) -> AdjustmentLine:
    product = ids[line.sku] if isinstance(line.sku, str) else line.product
    return AdjustmentLine(
        product=product if isinstance(product, int) else 0,
        delta=line.delta if isinstance(line.delta, int) else None,
        counted=line.counted if isinstance(line.counted, int) else None,
    )
