"""The replay's own count: the answers that the customers got against what the server says.

Nothing here knows how the server keeps its books. Every unit of the opening stock is either in
an order that was acknowledged and did not come back, or shown as available; every acknowledged
order is in its customer's history, once and as in its answer; and nothing else is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from tools.replay.clients import Account, Crew, expect, persist
from tools.replay.shop import Product, Progress, Stage
from tools.replay.traffic import OrderRecord
from tools.replay.wire import Line, Request

IDS_A_REQUEST = 200
PAGE = 100

Shown = Mapping[str, Any]


@dataclass(frozen=True)
class Statement:
    """What the server says afterwards: units available by product id, orders by username."""

    available: Mapping[int, int]
    histories: Mapping[str, Sequence[Shown]]


def ask(stage: Stage, size: int, progress: Progress) -> Statement:
    """Read all figures and all histories."""
    crew = Crew(stage.base_url, size)
    ids = sorted(product.id for product in stage.products.values())
    parts = [ids[start : start + IDS_A_REQUEST] for start in range(0, len(ids), IDS_A_REQUEST)]
    people = {account.username: account for account in stage.accounts.values()}

    def figures(line: Line, part: Sequence[int]) -> list[tuple[int, int]]:
        path = f"stock?products={','.join(map(str, part))}"
        answer = persist(line, Request("GET", path, token=stage.staff.token(line)))
        results = expect(answer, 200, "asking for stock").body["results"]
        return [(one["product"], one["quantity"]) for one in results]

    available = dict(pair for part in crew.each(figures, parts) for pair in part)
    read = progress("Histories", crew.each(history, list(people.values())), len(people))
    return Statement(available, dict(zip(people, read, strict=True)))


def history(line: Line, account: Account) -> list[Shown]:
    """Read a customer's history, page by page."""
    path: str | None = f"orders?limit={PAGE}"
    found: list[Shown] = []
    while path is not None:
        request = Request("GET", path, token=account.token(line))
        page = expect(persist(line, request), 200, "reading a history").body
        found += page["results"]
        path = page["next"] and "{0.path}?{0.query}".format(urlsplit(page["next"]))
    return found


def audit(stage: Stage, records: Sequence[OrderRecord], statement: Statement) -> list[str]:
    """Return a sentence for everything that is off; none when every unit is accounted for."""
    before = available_before(stage, records, statement.available)
    return [
        *(fault for one in records for fault in contradictions(one)),
        *shelf_faults(stage, records, statement.available),
        *(fault for one in records for fault in lost_sales(stage, one, before)),
        *history_faults(stage, records, statement.histories),
    ]


def contradictions(record: OrderRecord) -> Iterator[str]:
    """The answers of one customer must not contradict each other."""
    for trouble in record.troubles:
        yield f"Order {record.reference}: {trouble}."
    if len(record.placed) > 1:
        yield f"Order {record.reference} was placed {len(record.placed)} times under one key."
    if record.carried_out > 1:
        yield f"Order {record.reference} was carried out {record.carried_out} times, not repeated."
    if record.placed and record.refusals:
        yield f"Order {record.reference} was both placed and refused ({record.refusals[0]})."


def shelf_faults(
    stage: Stage, records: Sequence[OrderRecord], available: Mapping[int, int]
) -> Iterator[str]:
    """Opening stock − units of acknowledged orders + what came back of them = what the API shows,
    product by product."""
    sold: Counter[str] = Counter()
    for one in records:
        if one.placed:
            sold.update(one.order.units)
            sold.subtract(one.given_back)
    for sku, product in stage.products.items():
        left, shown = product.opening - sold[sku], available.get(product.id)
        if left != shown:
            yield (
                f"Product {sku}: {product.opening} units, {sold[sku]} sold for good, so {left} "
                f"must be left; the server shows {shown}."
            )


def available_before(
    stage: Stage, records: Sequence[OrderRecord], available: Mapping[int, int]
) -> dict[int, int]:
    """What was left when all orders were sent and nothing had come back."""
    before = Counter(available)
    for one in records:
        before.subtract({stage.products[sku].id: n for sku, n in one.given_back.items()})
    return before


def lost_sales(stage: Stage, record: OrderRecord, available: Mapping[int, int]) -> Iterator[str]:
    """While orders are sent stock only falls: if one could be met at the end, it could before."""
    short = any(
        units > available.get(stage.products[sku].id, 0)
        for sku, units in record.order.units.items()
    )
    if "insufficient_stock" in record.refusals and not short:
        yield f"Order {record.reference} was refused, though all of it is there."


def history_faults(
    stage: Stage, records: Sequence[OrderRecord], histories: Mapping[str, Sequence[Shown]]
) -> Iterator[str]:
    """Each customer's history holds what was acknowledged to them, and nothing else."""
    theirs: dict[str, list[OrderRecord]] = defaultdict(list)
    for one in records:
        theirs[one.account.username].append(one)
    for username, orders in histories.items():
        found: dict[str, list[Shown]] = defaultdict(list)
        for shown in orders:
            found[shown["reference"]].append(shown)
        for one in theirs[username]:
            yield from entry_faults(stage, one, found.pop(one.reference, []))
        for reference in found:
            yield f"{username} has an order {reference!r} that they never sent."


def entry_faults(stage: Stage, record: OrderRecord, found: Sequence[Shown]) -> Iterator[str]:
    """One order in its customer's history."""
    if len(found) != bool(record.placed):
        said = "acknowledged" if record.placed else "not acknowledged"
        yield f"Order {record.reference} was {said} and is in the history {len(found)} times."
    for shown in found:
        if record.placed and shown["id"] not in record.placed:
            yield f"Order {record.reference} is in the history under another id."
        yield from content_faults(stage, record, shown)


def content_faults(stage: Stage, record: OrderRecord, shown: Shown) -> Iterator[str]:
    """The lines and the total, by our own prices."""
    wanted = {stage.products[sku].id: units for sku, units in record.order.units.items()}
    if {line["product"]: line["quantity"] for line in shown["lines"]} != wanted:
        yield f"Order {record.reference} has other lines in the history."
    total = total_of(stage.products, record)
    if Decimal(shown["total"]) != total:
        yield f"Order {record.reference} is worth {total}; the history says {shown['total']}."
    if record.placed and shown["status"] != record.status:
        yield f"Order {record.reference} was {record.status}; the history says {shown['status']}."
    back = {stage.products[sku].id: units for sku, units in record.given_back.items()}
    counted = {line["product"]: line["returned"] for line in shown["lines"] if line["returned"]}
    if counted != ({} if record.status == "cancelled" else back):
        yield f"Order {record.reference} came back in other parts than the history says."


def total_of(products: Mapping[str, Product], record: OrderRecord) -> Decimal:
    """Quantity × price, added up exactly."""
    return sum(
        (products[sku].price * units for sku, units in record.order.units.items()), Decimal(0)
    )
