"""Hand-written SQL of idempotency keys and leases, with the plans that it relies on.

Statements about the server itself and the upsert of measurements are where they are sent
(positions.py, replicas.py, database.py, observations.py).

tests/db/test_sql.py compares each statement of keys with the ORM. Arrays make one
prepared statement for any number of keys; the ORM's IN lists are another statement for each number.
"""

CLAIM = """
INSERT INTO idempotency_key (actor, operation, key, fingerprint, result, created_at, expires_at)
SELECT actor, operation, key, fingerprint, result, %s, expires_at
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bytea[], %s::text[], %s::timestamptz[])
     AS claim (actor, operation, key, fingerprint, result, expires_at)
ORDER BY actor, operation, key COLLATE "C"
ON CONFLICT DO NOTHING
RETURNING actor, operation, key
"""
"""Plan: sorts the claims, so that all transactions wait for keys in the same order, and looks up
each key in idempotency_key_pkey. Waits for a transaction that has claimed one of the keys. Returns
the keys that were free."""

FIND = """
SELECT actor, operation, key, fingerprint, result FROM idempotency_key
JOIN unnest(%s::uuid[], %s::text[], %s::text[]) AS wanted (actor, operation, key)
USING (actor, operation, key)
"""
"""Plan: for each key an index scan of idempotency_key_pkey, in a nested loop."""

SETTLE = """
UPDATE idempotency_key AS row SET result = settled.result
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[])
     AS settled (actor, operation, key, result)
WHERE (row.actor, row.operation, row.key) = (settled.actor, settled.operation, settled.key)
"""
"""Plan: that of FIND. The transaction has inserted the rows, so it waits for no other one."""

RELEASE = """
DELETE FROM idempotency_key USING unnest(%s::uuid[], %s::text[], %s::text[])
     AS refused (actor, operation, key)
WHERE (idempotency_key.actor, idempotency_key.operation, idempotency_key.key)
    = (refused.actor, refused.operation, refused.key)
"""
"""Plan: that of FIND. The transaction has inserted the rows, so it waits for no other one."""

TAKE_LEASE = """
INSERT INTO rate_limit AS lease (key, until)
VALUES (%s::uuid, clock_timestamp() + make_interval(secs => %s::float8))
ON CONFLICT (key) DO UPDATE SET until = excluded.until WHERE lease.until <= clock_timestamp()
RETURNING until
"""
"""One probe of the primary key. Returns when the lease ends, and no row if another block has it, or
its pause lasts. The row is locked only while this statement runs."""

END_LEASE = """
UPDATE rate_limit SET until = clock_timestamp() + make_interval(secs => %s::float8)
WHERE key = %s::uuid AND until = %s::timestamptz
"""
"""One probe of the primary key. Changes nothing if another block has taken the lease since."""
