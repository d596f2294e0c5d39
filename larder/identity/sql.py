"""Identity's hand-written SQL, with the plans that it relies on.

tests/identity/test_sql.py compares it with the ORM; tests/identity/test_attempts.py and
tests/v1/test_quotas.py test what counts attempts and units.
"""

from django.db import models

STANDING = """
SELECT id, is_active, is_staff, may_order, public_id FROM customer
WHERE id = ANY((SELECT %s::bigint[])::bigint[])
"""
"""Index scans of customer_pkey; runs with every order and every request of staff. The docstring of
larder/inventory/sql.py says why the array is in a subselect."""

_IS_LIVE = """CASE
    WHEN caller.key IS NOT NULL THEN EXISTS (
        SELECT FROM key WHERE id = caller.key AND ended_at IS NULL
            AND (expires_at IS NULL OR expires_at > clock_timestamp())
    )
    WHEN caller.session IS NOT NULL THEN EXISTS (
        SELECT FROM session WHERE id = caller.session AND ended_at IS NULL
            AND customer_id = customer.id
    )
    ELSE true
END"""
"""Whether the credential of a caller is live: the key (KEY_OWNER has the same condition), or the
session."""

RIGHTS = f"""
WITH caller AS MATERIALIZED (
    SELECT %(factor)s::uuid AS factor, %(key)s::uuid AS key, %(session)s::uuid AS session
)
SELECT customer.is_active, customer.is_staff, customer.is_superuser, array(
    SELECT content_type.app_label || '.' || permission.codename
    FROM (
        SELECT permission_id FROM customer_user_permissions WHERE customer_id = customer.id
        UNION
        SELECT group_permission.permission_id
        FROM customer_groups
        JOIN auth_group_permissions AS group_permission USING (group_id)
        WHERE customer_groups.customer_id = customer.id
    ) AS granted
    JOIN auth_permission AS permission ON permission.id = granted.permission_id
    JOIN django_content_type AS content_type ON content_type.id = permission.content_type_id
), EXISTS (SELECT FROM second_factor WHERE customer_id = customer.id), EXISTS (
    SELECT FROM second_factor WHERE customer_id = customer.id AND id = caller.factor
    UNION ALL
    SELECT FROM recovery_code WHERE customer_id = customer.id AND id = caller.factor
), {_IS_LIVE}
FROM customer, caller WHERE customer.id = %(customer)s
"""
"""Index scans of the account, its groups, their permissions and its second factors; runs with every
request of staff. The same permissions as Django's ModelBackend finds. A factor that was removed
since a session proved it is no proof any more. The last column says whether the credential is live.
MATERIALIZED hides the values from the planner, so that the plan is kept (larder/inventory/sql.py):
planning takes ten times as long as the statement."""

STILL_VALID = f"""
SELECT place FROM unnest(
    (SELECT %s::bigint[]), (SELECT %s::uuid[]), (SELECT %s::uuid[])
) WITH ORDINALITY AS caller (customer, session, key, place)
JOIN customer ON customer.id = caller.customer AND is_active
WHERE {_IS_LIVE}
"""
"""Plan: a function scan, and index scans of customer_pkey and of the sessions or keys."""

LOCK_RIGHTS = "SELECT pg_advisory_xact_lock(6, 1)"
"""Changes of rights that could remove the last owner wait for each other."""

_USE_IS_UNNOTED = """
    coalesce(key.last_used_at < clock_timestamp() - interval '10 minutes', true)
    AND NOT current_setting('transaction_read_only')::boolean
"""

KEY_OWNER = f"""
SELECT customer.id, customer.public_id, customer.is_staff, key.generation, key.id,
       key.permissions, {_USE_IS_UNNOTED}
FROM key JOIN customer ON customer.id = key.customer_id
WHERE key.digest = %s AND customer.is_active AND key.ended_at IS NULL
    AND (key.expires_at IS NULL OR key.expires_at > clock_timestamp())
"""
"""One row by the unique index of digests, then customer_pkey; runs with every request by key."""

NOTE_USE = f"""
UPDATE key SET last_used_at = clock_timestamp()
WHERE id = (
    SELECT id FROM key WHERE id = %s AND {_USE_IS_UNNOTED} FOR NO KEY UPDATE SKIP LOCKED
)
"""
"""Runs after KEY_OWNER, at most once in ten minutes for each key. It waits for no other
transaction: one that has locked the row ends the key, or notes the same use."""

LEAVE_NUMBERS_OUT = """
SELECT setval('identity.customer_id_seq', last_value + %s) FROM identity.customer_id_seq
"""

RECORD = """
INSERT INTO audit_entry (actor, channel, object, action, before, after)
SELECT %s, %s, entry.*
FROM json_to_recordset(%s::json) AS entry (object text, action text, before jsonb, after jsonb)
"""
"""Writes any number of entries of the audit trail in one round trip, in their order. The ORM takes
182 ms for 1,000 entries in place of 14."""

ACCOUNT_NAMED = """
SELECT fold(login.name), customer.id
FROM (SELECT %s::text AS name) AS login
LEFT JOIN customer ON fold(customer.username) = fold(login.name)
"""
"""One probe of the unique index of usernames, in each try to log in, also of a guesser: 0.07 ms,
the ORM 0.5. Also returns the folded name, by which tries are counted."""

DELETE_IDLE_BUCKETS = """
DELETE FROM rate_limit WHERE key IN (
    SELECT key FROM rate_limit WHERE until < statement_timestamp()
    ORDER BY until LIMIT %s FOR UPDATE SKIP LOCKED
)
RETURNING 1
"""
"""Plan: an index scan of rate_limit_until, from the earliest; each row is then found by the primary
key. Rows that are in use are skipped."""

TAKE = """
INSERT INTO rate_limit AS held (key, until)
SELECT key, statement_timestamp() + microseconds * interval '1 microsecond'
FROM unnest((SELECT %s::uuid[])::uuid[], (SELECT %s::bigint[])::bigint[])
     AS bucket (key, microseconds)
ORDER BY key
ON CONFLICT (key) DO UPDATE
SET until = greatest(held.until, statement_timestamp())
          + (excluded.until - statement_timestamp())
RETURNING key, extract(epoch FROM until - statement_timestamp())::float8
"""
"""Takes time from each bucket, also what is not there; a negative time is given back. Rows are
locked in the order of their keys, so there is no deadlock.

Plan: a function scan, and one probe of the primary key for each row. The arrays are in subselects
so that the plan is kept (larder/inventory/sql.py).
"""


class ClockTimestamp(models.Func):
    """The database's clock while the statement runs. `Now` is the start of the transaction."""

    template = "clock_timestamp()"
    output_field = models.DateTimeField()
