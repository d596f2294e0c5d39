"""What a restore takes back of accounts: what was done to them since is to be done again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

KINDS = ("deleted", "deactivated", "password", "email", "rights", "reactivated", "registered")

# As JSON, for the database that was replaced may be of a version with other columns.
_ACCOUNTS = """
SELECT c.public_id, to_jsonb(c) || jsonb_build_object(
    'groups', (SELECT jsonb_agg(group_id ORDER BY group_id)
               FROM identity.customer_groups WHERE customer_id = c.id),
    'permissions', (SELECT jsonb_agg(permission_id ORDER BY permission_id)
                    FROM identity.customer_user_permissions WHERE customer_id = c.id))
FROM identity.customer c
"""
_REPLACED = "CREATE TEMP TABLE replaced (public_id uuid, it jsonb) ON COMMIT DROP"
_COMPARED = f"""
WITH restored AS (SELECT public_id, it FROM ({_ACCOUNTS}) AS _ (public_id, it))
SELECT replaced.public_id::text,
    coalesce(restored.it ->> 'username', replaced.it ->> 'username'),
    CASE
    WHEN restored.public_id IS NULL THEN ARRAY['registered']
    WHEN replaced.it ->> 'deleted_at' IS NOT NULL THEN
        CASE WHEN restored.it ->> 'deleted_at' IS NULL THEN ARRAY['deleted'] ELSE '{{}}' END
    ELSE array_remove(ARRAY[
        CASE WHEN replaced.it -> 'is_active' = 'false' AND restored.it -> 'is_active' = 'true'
            THEN 'deactivated' END,
        CASE WHEN replaced.it -> 'is_active' = 'true' AND restored.it -> 'is_active' = 'false'
            THEN 'reactivated' END,
        CASE WHEN replaced.it ->> 'password' <> restored.it ->> 'password' THEN 'password' END,
        CASE WHEN replaced.it ->> 'email' <> restored.it ->> 'email' THEN 'email' END,
        CASE WHEN (replaced.it -> 'is_staff', replaced.it -> 'is_superuser',
                   replaced.it -> 'may_order', replaced.it -> 'groups',
                   replaced.it -> 'permissions')
            IS DISTINCT FROM (restored.it -> 'is_staff', restored.it -> 'is_superuser',
                   restored.it -> 'may_order', restored.it -> 'groups',
                   restored.it -> 'permissions')
            THEN 'rights' END], NULL)
    END AS changes
FROM replaced LEFT JOIN restored USING (public_id)
ORDER BY 2, 1
"""  # noqa: S608 - made of constants


@dataclass(frozen=True)
class Account:
    """`username` as it was restored; `changes` of KINDS, made since the backup."""

    public_id: str
    username: str
    changes: Sequence[str]


def changed(*, replaced: str, restored: str) -> list[Account]:
    """Compare the accounts of two databases, of which the replaced one is the later.

    Raises psycopg.Error, as where there is no Larder in the replaced one.
    """
    with psycopg.connect(replaced) as there, psycopg.connect(restored) as here:
        here.execute(_REPLACED)
        with (
            there.cursor().copy(f"COPY ({_ACCOUNTS}) TO STDOUT".encode()) as source,
            here.cursor().copy("COPY replaced FROM STDIN") as sink,
        ):
            for block in source:
                sink.write(block)
        found = [Account(*row) for row in here.execute(_COMPARED.encode())]
    return [account for account in found if account.changes]


def counted(found: Sequence[Account]) -> str:
    """Return how many changes of each kind there are, the most urgent first."""
    counts = Counter(kind for account in found for kind in account.changes)
    return ", ".join(f"{kind} {counts[kind]}" for kind in KINDS if counts[kind]) or "none"
