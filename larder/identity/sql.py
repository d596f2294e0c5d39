"""Identity's hand-written SQL, and the plan it relies on.

Compared with its plain ORM version in tests/identity/test_sql.py.
"""

STANDING = """
SELECT id, is_active, is_staff, may_order, public_id FROM customer WHERE id = ANY(%s::bigint[])
"""
"""Index scans of customer_pkey; runs with every order and every request of staff."""
