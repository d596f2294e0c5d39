"""Identity's hand-written SQL, with the plans that it relies on.

tests/identity/test_sql.py compares it with the ORM.
"""

STANDING = """
SELECT id, is_active, is_staff, may_order, public_id FROM customer
WHERE id = ANY((SELECT %s::bigint[])::bigint[])
"""
"""Index scans of customer_pkey; runs with every order and every request of staff. The docstring of
larder/inventory/sql.py says why the array is in a subselect."""

KEY_OWNER = """
SELECT customer.id, customer.public_id, customer.is_staff, key.generation, key.id
FROM key JOIN customer ON customer.id = key.customer_id
WHERE key.digest = %s AND key.ended_at IS NULL AND customer.is_active
"""
"""One row by the unique index of digests, then customer_pkey; runs with every request by key."""

LEAVE_NUMBERS_OUT = """
SELECT setval('identity.customer_id_seq', last_value + %s) FROM identity.customer_id_seq
"""
"""Skips customer ids; run once after a restore, by the owner."""

RECORD = """
INSERT INTO audit_entry (actor, channel, object, action, before, after)
SELECT %s, %s, object, action, before::jsonb, after::jsonb
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
     AS entry (object, action, before, after)
"""
"""Writes any number of entries of the audit trail in one round trip, in their order."""
