"""The catalogue's hand-written SQL, and the plan it relies on.

Compared with its plain ORM version in tests/catalog/test_sql.py.
"""

OFFERS = """
SELECT id, sku, name, price, min_quantity, max_per_order, step FROM product
WHERE id = ANY(%s::bigint[]) AND archived_at IS NULL
"""
"""Index scans of product_pkey. One array for any number of products keeps it one prepared
statement; the ORM's IN list would be another one for each number, compiled each time."""

LOCK_NAME = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))"
"""Held until the transaction ends, by whoever wants a name of its own for a product. Two names of
one hash only wait for each other. 7 keeps these hashes apart from those of other texts."""
