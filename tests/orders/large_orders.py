"""Orders of the maximum size."""

from datetime import datetime

from larder.db import database
from tests.conftest import Person

LINES = 1_000

PRODUCTS = """
INSERT INTO product (public_id, sku, name, description, price, unit, barcode, image_url,
                     min_quantity, step, created_at, updated_at, version)
SELECT gen_random_uuid(), 'L' || n, 'L' || n, '', 1, '', '', '', 1, 1, now(), now(), 1
FROM generate_series(1, %s) AS n
"""
_ORDERS = """
WITH made AS (
    INSERT INTO "order" (id, customer_id, status, currency, total, note, reference, created_at,
                         placed_at, updated_at, version)
    SELECT gen_random_uuid(), %s, 'placed', 'GBP', %s, '', '', at, at, at, 1
    FROM (SELECT %s::timestamptz + make_interval(mins => n) AS at
          FROM generate_series(1, %s) AS n) AS moments
    RETURNING id, placed_at
)
INSERT INTO order_line (order_id, product_id, sku, name, unit_price, quantity, placed_at)
SELECT made.id, product.id, sku, name, 1, 1, placed_at
FROM made CROSS JOIN product WHERE sku LIKE 'L%%'
"""


def fill(who: Person, orders: int, now: datetime, *, lines: int = LINES) -> None:
    """Creates `orders` of a customer with the given number of lines, placed one minute apart."""
    database.execute(PRODUCTS, [lines])
    database.execute(_ORDERS, [who.id, lines, now, orders])


_CHANGES = """
INSERT INTO order_event (id, order_id, type, from_status, to_status, actor, at, data)
SELECT gen_random_uuid(), "order".id, 'changed', 'placed', 'placed', gen_random_uuid(), placed_at,
       jsonb_build_object('before', jsonb_build_object('lines', before),
                          'after', jsonb_build_object('lines', after))
FROM "order" CROSS JOIN generate_series(1, %s) AS n CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('product', product_id, 'quantity', n)) AS before,
           jsonb_agg(jsonb_build_object('product', product_id, 'quantity', n + 1)) AS after
    FROM order_line WHERE order_id = "order".id
) AS lines
"""


def change(times: int) -> None:
    """Records so many changes of the quantities of each order's lines."""
    database.execute(_CHANGES, [times])
