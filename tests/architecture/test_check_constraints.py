"""Every check constraint of a model refuses a row that nothing else refuses."""

import os

import psycopg
import pytest
from django.apps import apps
from django.db.models import CheckConstraint
from psycopg import errors

VALID = {
    "product": {
        "''": "sku name description unit barcode image_url",
        "1": "price min_quantity step version",
        "now()": "created_at updated_at",
        "gen_random_uuid()": "public_id",
    },
    "stock": {"0": "product_id"},
    "ledger_entry": {
        "0": "product_id available_change committed_change available_after committed_after",
        "''": "cause reference",
        "gen_random_uuid()": "actor",
        "now()": "at",
    },
    "counted_product": {
        "gen_random_uuid()": "actor",
        "0": "product_id on_shelf",
        "false": "is_moved",
        "now()": "at",
    },
    "held_line": {
        "gen_random_uuid()": '"order" event',
        "1": "product_id quantity",
        "now()": "expires_at",
    },
    "customer": {
        "''": "password username email first_name last_name",
        "false": "is_active is_staff is_superuser may_order",
        "gen_random_uuid()": "public_id",
    },
    '"order"': {
        "gen_random_uuid()": "id",
        "1": "customer_id total version",
        "'placed'": "status",
        "''": "currency note reference",
        "now()": "created_at placed_at updated_at",
    },
    "order_line": {
        "gen_random_uuid()": "order_id",
        "1": "product_id unit_price quantity",
        "''": "sku name",
        "now()": "placed_at",
    },
    "cart": {
        "1": "customer_id",
        "0": "version",
        "'[]'": "lines",
    },
    "order_event": {
        "gen_random_uuid()": "id order_id actor",
        "''": "type from_status",
        "'placed'": "to_status",
        "now()": "at",
        "'{}'": "data",
    },
    "payment": {
        "''": "provider transaction_id intent currency",
        "'captured'": "kind",
        "1": "amount",
        "now()": "at recorded_at",
        "gen_random_uuid()": "actor",
    },
    "refund_due": {
        "gen_random_uuid()": '"order"',
        "''": "currency",
        "1": "amount",
        "now()": "since",
    },
    "delivery": {
        "gen_random_uuid()": "event",
        "''": "type channel target object",
        "'{}'": "data",
        "now()": "at created_at",
    },
}
"""A row of each table: values, and the columns with that value. The database checks foreign keys at
the end of a transaction."""

BROKEN: dict[str, tuple[str, dict[str, str]]] = {
    "counted_product_counted": ("counted_product", {"counted": "-1"}),
    "product_price": ("product", {"price": "-1"}),
    "product_tax_rate": ("product", {"tax_rate": "-1"}),
    "product_rules": ("product", {"min_quantity": "0"}),
    "product_low_stock_threshold": ("product", {"low_stock_threshold": "-1"}),
    "product_step": ("product", {"min_quantity": "3", "step": "2", "max_per_order": "3"}),
    "stock_available": ("stock", {"available": "-1"}),
    "stock_committed": ("stock", {"committed": "-1"}),
    "ledger_entry_balances": ("ledger_entry", {"committed_after": "-1"}),
    "held_line_quantity": ("held_line", {"quantity": "0"}),
    "customer_deleted_is_nobody": ("customer", {"deleted_at": "now()", "is_active": "true"}),
    "cart_present_or_not": ("cart", {"version": "1"}),
    "order_total": ('"order"', {"total": "-1"}),
    "order_status": ('"order"', {"status": "'lost'"}),
    "order_hold": ('"order"', {"status": "'pending'"}),
    "order_payment_sums": ('"order"', {"captured": "1"}),
    "order_line_amounts": ("order_line", {"unit_price": "-1"}),
    "order_line_ordered": ("order_line", {"ordered": "1"}),
    "order_line_returned": ("order_line", {"returned": "2"}),
    "order_line_tax_rate": ("order_line", {"tax_rate": "101"}),
    "order_event_statuses": ("order_event", {"from_status": "'lost'"}),
    "payment_amount": ("payment", {"amount": "0"}),
    "payment_kind": ("payment", {"kind": "'lost'"}),
    "refund_due_amount": ("refund_due", {"amount": "0"}),
}
"""For each constraint a table, and what makes its row a refused one."""


def test_every_check_constraint_has_a_row_that_breaks_it() -> None:
    models = [model for model in apps.get_models() if model.__module__.startswith("larder.")]
    checks = [constraint for model in models for constraint in model._meta.constraints]
    assert {check.name for check in checks if isinstance(check, CheckConstraint)} == BROKEN.keys()


@pytest.mark.django_db
@pytest.mark.parametrize("constraint", BROKEN)
def test_only_its_constraint_refuses_a_row(constraint: str) -> None:
    table, changes = BROKEN[constraint]
    columns = {name: value for value, named in VALID[table].items() for name in named.split()}
    row = columns | changes
    insert = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())})"
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as owner:
        with pytest.raises(errors.CheckViolation) as refused, owner.transaction():
            owner.execute(insert)
        assert refused.value.diag.constraint_name == constraint
        owner.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
        assert owner.execute(insert).rowcount == 1
        owner.rollback()
