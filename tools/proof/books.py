"""The audit: what customers were answered, compared with the tables, unit by unit.

Nothing of the server's code is used, except for `check_invariants` at the end.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from tools.http_client import Client
from tools.proof.fleet import UNKNOWN, Fleet, Wish, require
from tools.proof.site import Site

Row = tuple[Any, ...]
UNSHIPPED = {"placed", "packed"}
IDS_OF_A_REQUEST = 200

ORDERS = """
SELECT "order".reference, "order".id::text, username, status, total,
       jsonb_object_agg(product_id, quantity)
FROM orders."order"
JOIN identity.customer ON customer.id = customer_id
JOIN orders.order_line ON order_id = "order".id
WHERE product_id = ANY(%s)
GROUP BY "order".id, username
"""
"""Reference, id, username, status, total, units by product."""
SHELVES = """
SELECT product_id, available, committed,
       sum(available_change)::bigint, sum(committed_change)::bigint
FROM inventory.stock JOIN inventory.ledger_entry USING (product_id)
WHERE product_id = ANY(%s)
GROUP BY product_id, available, committed
"""
"""Product, units available and committed, and the sums of the ledger."""


def faults(site: Site, fleet: Fleet) -> list[str]:
    """Return a sentence for everything that is off; none when every unit is accounted for."""
    products = [list(fleet.products)]
    orders: dict[str, list[Row]] = defaultdict(list)
    for reference, *row in site.sql(ORDERS, products):
        orders[reference].append(tuple(row))
    return [
        *fleet.troubles,
        *(fault for wish in fleet.wishes for fault in contradictions(wish)),
        *order_faults(fleet, orders),
        *shelf_faults(fleet, orders, site.sql(SHELVES, products)),
        *(f"The invariant {name} does not hold." for name in site.violated()),
    ]


def contradictions(wish: Wish) -> Iterator[str]:
    """Yield what is wrong with the answers about one wish, whatever the tables say."""
    name = f"{wish.kind} {wish.key}"
    if not (wish.acknowledged or wish.refused or wish.abandoned or wish.once):
        yield f"{name} was never answered."
    if wish.acknowledged and wish.refused:
        yield f"{name} was acknowledged and refused ({wish.refused[0].code})."
    if len({reply.body["id"] for reply in wish.acknowledged}) > 1:
        yield f"{name} has several ids."
    if sum(not reply.replayed for reply in wish.acknowledged) > 1:
        yield f"{name} was carried out more than once."
    for reply in wish.heard:
        expected = reply.status in {0, 200, 201, 429, 503} or reply.code in {
            "insufficient_stock",
            UNKNOWN,
        }
        if not expected:
            yield f"{name} was answered {reply.status} ({reply.code})."


def order_faults(fleet: Fleet, orders: Mapping[str, list[Row]]) -> Iterator[str]:
    """Yield acknowledged orders that are not there once as they were sent, and refused ones that
    are there."""
    sent = {wish.key: wish for wish in fleet.wishes if wish.kind == "order"}
    for key, wish in sent.items():
        rows, id = orders.get(key, []), wish.id or wish.shown
        if len(rows) != bool(id):
            yield f"Order {key} is known as {id!r} and is in the books {len(rows)} times."
        was_denied = wish.once and wish.heard[0].status in {429, 503}
        if rows and was_denied and wish.heard[0].code != UNKNOWN:
            yield f"Order {key} was denied ({wish.heard[0].code}) and is in the books."
        units = {str(product): number for product, number in wish.units.items()}
        expected = (id, wish.account.username, wish.status, total(fleet, wish), units)
        yield from (
            f"Order {key} is {expected} by the answers; the books say {row}."
            for row in rows
            if row != expected
        )
    yield from (
        f"There is an order {reference!r} that no customer sent."
        for reference in orders.keys() - sent.keys()
    )


def shelf_faults(
    fleet: Fleet, orders: Mapping[str, list[Row]], shelves: list[Row]
) -> Iterator[str]:
    """Yield products whose units are not what the answers leave, or not the ledger's sum."""
    left, ordered = units_left(fleet, set(orders))
    for product, available, committed, *sums in shelves:
        if (available, committed) != (left[product], ordered[product]):
            yield (
                f"Product {product}: {left[product]} available and {ordered[product]} ordered by "
                f"the answers; the books say {available} and {committed}."
            )
        if [available, committed] != sums:
            yield f"Product {product}: the ledger adds up to {sums}."


def by_api(fleet: Fleet) -> list[str]:
    """Return what is off by the answers of the API alone, for a shop that runs elsewhere."""
    client, shown = Client(0, url=fleet.urls[0]), dict[int, int]()
    products = list(fleet.products)
    for start in range(0, len(products), IDS_OF_A_REQUEST):
        ids = ",".join(map(str, products[start : start + IDS_OF_A_REQUEST]))
        reply = client.insist("GET", f"stock?products={ids}", token=fleet.staff.token(client))
        require(reply, 200)
        shown |= {stock["product"]: stock["quantity"] for stock in reply.body["results"]}
    left, _ = units_left(fleet, {wish.key for wish in fleet.wishes if wish.id or wish.shown})
    return [
        *fleet.troubles,
        *(fault for wish in fleet.wishes for fault in contradictions(wish)),
        *(
            f"Product {product}: {left[product]} must be left; the shop shows {shown[product]}."
            for product in products
            if shown[product] != left[product]
        ),
    ]


def units_left(fleet: Fleet, placed: set[str]) -> tuple[Counter[int], Counter[int]]:
    """Return the units by product that must be available, and those in orders that are not shipped.
    `placed`: the keys of orders that are known to be placed."""
    left = Counter({product: units for product, (_, units) in fleet.products.items()})
    ordered: Counter[int] = Counter()
    for wish in fleet.wishes:
        if wish.kind == "receive" and wish.acknowledged:
            left.update(wish.units)
        elif wish.kind == "order" and wish.key in placed:
            left.subtract(wish.units)
            left.update(wish.back)
            if wish.status in UNSHIPPED:
                ordered.update(wish.units)
    return left, ordered


def total(fleet: Fleet, wish: Wish) -> Decimal:
    """Return quantity × price, added up exactly."""
    return sum(
        (fleet.products[product][0] * number for product, number in wish.units.items()), Decimal(0)
    )
