"""Identity's hand-written SQL, with the plans that it relies on.

tests/identity/test_sql.py compares it with the ORM.
"""

STANDING = """
SELECT id, is_active, is_staff, may_order, public_id FROM customer
WHERE id = ANY((SELECT %s::bigint[])::bigint[])
"""
"""Index scans of customer_pkey; runs with every order and every request of staff. The docstring of
larder/inventory/sql.py says why the array is in a subselect."""

RIGHTS = """
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
    SELECT FROM second_factor WHERE customer_id = customer.id AND id = given.factor
    UNION ALL
    SELECT FROM one_time_code
    WHERE customer_id = customer.id AND id = given.factor AND purpose = 'recovery'
)
FROM customer, (SELECT %s::uuid AS factor) AS given
WHERE customer.id = %s
"""
"""Index scans of the account, its groups, their permissions and its second factors; runs with every
request of staff. The same permissions as Django's ModelBackend finds. A factor that was removed
since a session proved it is no proof any more."""

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
"""Skips customer ids; run once after a restore, by the owner."""

RECORD = """
INSERT INTO audit_entry (actor, channel, object, action, before, after)
SELECT %s, %s, object, action, before::jsonb, after::jsonb
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
     AS entry (object, action, before, after)
"""
"""Writes any number of entries of the audit trail in one round trip, in their order."""

IS_NEW_REFUSAL = """
SELECT NOT current_setting('transaction_read_only')::boolean AND NOT EXISTS (
    SELECT FROM audit_entry
    WHERE action = 'refused' AND actor = %s AND object = %s
        AND date_trunc('hour', at AT TIME ZONE 'UTC')
            = date_trunc('hour', now() AT TIME ZONE 'UTC')
)
"""
"""One probe of the unique index audit_entry_one_refusal. A repeat writes nothing, not even a value
of the sequence, and a server that is read-only is not asked to write."""

RECORD_REFUSAL = """
INSERT INTO audit_entry (actor, channel, object, action, before, after)
VALUES (%s, %s, %s, 'refused', '{}', %s::jsonb)
ON CONFLICT DO NOTHING
"""
"""The index decides between two that find no entry at the same time."""

ACCOUNT_NAMED = """
SELECT lower(asked.name), customer.id FROM (SELECT %s::text AS name) AS asked
LEFT JOIN customer ON lower(customer.username) = lower(asked.name)
"""
"""One probe of the unique index of usernames."""
