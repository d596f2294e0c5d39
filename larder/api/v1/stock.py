"""Stock: figures for everybody, adjustments and the ledger for staff."""

from typing import Annotated

import msgspec
from django.http import HttpResponse
from msgspec import UNSET, Meta
from rest_framework.request import Request

from larder.api import pagination
from larder.api.authentication import IsStaff
from larder.api.v1 import shapes
from larder.api.v1.http import (
    Endpoint,
    caller,
    claim,
    read_body,
    read_parameters,
    replay_headers,
    reply,
    reply_tagged,
)
from larder.api.v1.schema import operation
from larder.catalog import queries as catalog
from larder.common.clock import now
from larder.common.errors import Fault, InvalidInput, UnknownProducts
from larder.common.idempotency import RETENTION, fingerprint
from larder.inventory import queries, services
from larder.inventory.services import CAUSES, AdjustmentLine


class StockParameters(msgspec.Struct):
    """Which products."""

    products: Annotated[
        str,
        Meta(
            pattern=r"^[0-9]{1,18}(,[0-9]{1,18}){0,199}$",
            description="1,2,3: at most 200.",
        ),
    ]


class Stock(Endpoint):
    @operation(
        "get_stock",
        tag="stock",
        parameters=StockParameters,
        answers={200: shapes.StockFigures, 304: None},
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
        keyed=True,
    )
    def post(self, request: Request) -> HttpResponse:
        """Staff: books goods received, damaged or counted; all lines or none."""
        body = read_body(request, shapes.NewAdjustment)
        _check(body)
        moment = now()
        content = fingerprint(msgspec.to_builtins(body))
        adjusted = services.adjust_stock(
            _lines(body),
            reason=body.reason,
            actor=caller(request).public_id,
            now=moment,
            claim=claim(request, content, expires_at=moment + RETENTION),
        )
        found = queries.adjustment(adjusted.id)
        lines = [shapes.AdjustedLine(one.product, one.delta, one.balance) for one in found.lines]
        answer = shapes.Adjustment(found.id, found.reason, found.actor, found.at, lines)
        return reply(answer, status=201, headers=replay_headers(adjusted.replayed))


class LedgerParameters(msgspec.Struct):
    """The parameters of the ledger."""

    limit: Annotated[int, Meta(ge=1)] = pagination.DEFAULT_LIMIT
    cursor: str | None = None


class Ledger(Endpoint):
    permission_classes = (IsStaff,)

    @operation(
        "get_ledger",
        tag="stock",
        parameters=LedgerParameters,
        answers={200: shapes.LedgerPage, 304: None},
        problems=["not_staff", "not_found"],
    )
    def get(self, request: Request, product: int) -> HttpResponse:
        """Staff: why a product's stock is what it is, newest first."""
        asked = read_parameters(request, LedgerParameters)
        limit = min(asked.limit, pagination.LARGEST_LIMIT)
        before = pagination.decode(asked.cursor, list[int])
        found = queries.ledger(product, before=before[0] if before else None, limit=limit + 1)
        entries, link = pagination.page(request, found, limit, lambda one: [one.id])
        results = [
            shapes.LedgerEntry(
                delta=one.delta,
                committed_delta=one.committed_delta,
                balance=one.balance,
                committed_balance=one.committed_balance,
                cause=one.cause,
                reference=one.reference,
                actor=one.actor,
                at=one.at,
            )
            for one in entries
        ]
        return reply_tagged(request, shapes.LedgerPage(results, link))


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
    """Lines with product ids; raises UnknownProducts for every unknown SKU."""
    skus = {line.sku for line in body.lines if line.sku is not UNSET}
    ids = catalog.ids_by_sku([sku for sku in skus if isinstance(sku, str)]) if skus else {}
    unknown = [
        {"code": "unknown_product", "sku": line.sku}
        for line in body.lines
        if isinstance(line.sku, str) and line.sku not in ids
    ]
    if unknown:
        raise UnknownProducts(unknown)
    return [_line(line, ids) for line in body.lines]


def _line(line: shapes.AdjustmentLine, ids: dict[str, int]) -> AdjustmentLine:
    product = ids[line.sku] if isinstance(line.sku, str) else line.product
    return AdjustmentLine(
        product=product if isinstance(product, int) else 0,
        delta=line.delta if isinstance(line.delta, int) else None,
        counted=line.counted if isinstance(line.counted, int) else None,
    )
