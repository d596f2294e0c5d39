"""Hand-written SQL of idempotency keys, and of the server itself, with the plans that it relies on.

tests/db/test_sql.py compares the statements of keys with the ORM. Arrays make one prepared
statement for any number of keys; the ORM's IN lists are another statement for each number.
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

RELEASE = """
DELETE FROM idempotency_key USING unnest(%s::uuid[], %s::text[], %s::text[])
     AS refused (actor, operation, key)
WHERE (idempotency_key.actor, idempotency_key.operation, idempotency_key.key)
    = (refused.actor, refused.operation, refused.key)
"""
"""Plan: for each key an index scan of idempotency_key_pkey, in a nested loop. The transaction has
inserted the rows, so it waits for no other one."""

SNAPSHOT = """
SELECT concat_ws('.', pg_current_snapshot(), checkpoint_lsn, timeline_id)
FROM pg_control_checkpoint()
"""
"""Reads no table (database.py: `snapshot`)."""

PRESENT = """
SELECT system_identifier & 4294967295,
       ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int,
       (CASE current_setting('synchronous_commit') WHEN 'off' THEN pg_current_wal_insert_lsn()
             ELSE pg_current_wal_flush_lsn() END - '0/0')::bigint
FROM pg_control_system()
"""
"""Returns a position after every acknowledged commit. Such a commit is on disk, so the flushed
position is enough. A later position may not reach a replica until the next commit. Only if commits
do not wait for the disk, the position of the next record is used."""

REPLAYED = """
SELECT pg_is_in_recovery(), system_identifier & 4294967295,
       greatest(checkpoints.timeline_id, recovery.min_recovery_end_timeline),
       (pg_last_wal_replay_lsn() - '0/0')::bigint
FROM pg_control_system(), pg_control_checkpoint() AS checkpoints, pg_control_recovery() AS recovery
"""
"""Reads no table. The timeline is a lower bound: after a fail-over a replica reports the former one
until its next restart point, for minutes. Until then it is not read from."""

LIFT_TIME_LIMIT = """
SELECT set_config('transaction_timeout', '0', true) FROM pg_settings
WHERE name = 'transaction_timeout'
"""
"""For this transaction only. PostgreSQL before 17 has no such limit."""

IS_READ_ONLY = "SELECT current_setting('transaction_read_only')::boolean"

LIMIT_LOCK_WAIT = "SELECT set_config('lock_timeout', %s, true)"
