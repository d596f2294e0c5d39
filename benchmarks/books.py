"""The proof that the fast answers were right: what was acknowledged is what is in the tables."""

from collections.abc import Iterable, Iterator

import psycopg

from benchmarks.installation import Installation
from benchmarks.measurement import Measurement
from benchmarks.shop import STOCK
from larder.local.terminal import LauncherError

PLACED = """
SELECT count(*) FILTER (WHERE reference <> 'pgbench'),
       count(*) FILTER (WHERE reference = 'pgbench'),
       (SELECT coalesce(sum(quantity), 0) FROM order_line JOIN "order" ON "order".id = order_id
        WHERE reference <> 'pgbench'),
       (SELECT coalesce(sum(quantity), 0) FROM order_line)
FROM "order"
"""
SHELF = "SELECT sum(%s - available), min(available) FROM stock"


def faults(
    shop: Installation, orders: Iterable[Measurement], pgbench: Iterable[Measurement] = ()
) -> list[str]:
    """Looks at the tables once everything has ended. Returns what is wrong, in sentences."""
    faults = list(_imbalances(shop, list(orders), list(pgbench)))
    try:
        shop.checkout.run(["manage.py", "check_invariants"], shop.environment)
    except LauncherError as error:
        faults.append(str(error))
    return faults


def _imbalances(
    shop: Installation, orders: list[Measurement], pgbench: list[Measurement]
) -> Iterator[str]:
    with psycopg.connect(shop.cluster.app_url()) as connection:
        connection.execute("SET statement_timeout = '60s'")
        placed, of_pgbench, placed_units, sold = _row(connection, PLACED)
        taken, least = _row(connection, SHELF, STOCK)
    acknowledged = sum(measurement.orders for measurement in orders)
    units = sum(measurement.units for measurement in orders)
    reported = shop.filled + sum(measurement.orders for measurement in pgbench)
    for what, said, in_tables in (
        ("orders were acknowledged, in the tables are", acknowledged, placed),
        ("units were acknowledged, sold were", units, placed_units),
        ("orders were pgbench's, in the tables are", reported, of_pgbench),
        ("units left the shelf, sold were", taken, sold),
    ):
        if said != in_tables:
            yield f"{said} {what} {in_tables}."
    if least < 0:
        yield f"A product has {least} units available."


def _row(connection: psycopg.Connection, statement: str, *parameters: int) -> tuple[int, ...]:
    row = connection.execute(statement, parameters).fetchone()
    return tuple(int(value) for value in row or ())
