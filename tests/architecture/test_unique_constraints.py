"""Every unique constraint is a refusal, or no value that a client gives can violate it."""

import pytest

from larder.db import database
from larder.db.constraints import FIELDS

NEVER_VIOLATED = {
    "the value is random": {
        "customer_public_id_key",
        "key_digest_key",
        "recovery_code_unique",
        "product_public_id_key",
    },
    "PostgreSQL counts": {"order_number_key"},
    "the row that it belongs to is locked before": {
        "cart_order_key",
        "held_line_once",
        "key_one_derived",
        "ledger_entry_once",
        "order_line_once",
        "second_factor_one_app",
    },
    "the statement ignores the conflict": {
        "counted_product_once",
        "device_address",
        "auth_group_permissions_group_id_permission_id_0cd325b0_uniq",
        "customer_groups_customer_id_group_id_95d0ab85_uniq",
        "customer_user_permission_customer_id_permission_i_be5423b4_uniq",
        "payment_once",
        "refund_due_once",
    },
    "migrations alone write it": {
        "auth_permission_content_type_id_codename_01ab375a_uniq",
        "django_content_type_app_label_model_76bd3d3b_uniq",
    },
}
"""Primary keys are not among them: they are counted, random, or claimed before
(larder/db/idempotency.py), or their statement has ON CONFLICT."""

UNIQUE = """
SELECT found.relname FROM pg_index JOIN pg_class AS found ON found.oid = indexrelid
JOIN pg_namespace AS home ON home.oid = found.relnamespace
WHERE indisunique AND NOT indisprimary AND home.nspname !~ '^pg_'
"""


@pytest.mark.django_db
def test_every_unique_constraint_is_a_refusal_or_never_violated() -> None:
    names = {name for (name,) in database.rows(UNIQUE)}
    assert names == FIELDS.keys() | set().union(*NEVER_VIOLATED.values())
