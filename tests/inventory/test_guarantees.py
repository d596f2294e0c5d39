"""What the database refuses to all clients.

The statements run without Django, in transactions that are rolled back, with the role whose rights
are tested.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
import pytest
from django.db import transaction
from psycopg import errors

from larder.inventory.services.movements import lock
from tests.database import superuser_url

Connection = psycopg.Connection[tuple[Any, ...]]
As = Callable[[str], AbstractContextManager[Connection]]
SYSTEM = "00000000-0000-0000-0000-000000000000"
BOOKS = (
    "inventory.ledger_entry",
    "orders.order_event",
    "orders.payment",
    "identity.audit_entry",
)

PRODUCT = """
INSERT INTO catalog.product (public_id, sku, name, description, price, unit, barcode, image_url,
                             min_quantity, step, created_at, updated_at, version)
VALUES (gen_random_uuid(), %s, 'Jam', '', 1, '', '', '', 1, 1, now(), now(), 1) RETURNING id
"""
ENTRY = f"""
INSERT INTO inventory.ledger_entry (product_id, available_change, committed_change,
                                    available_after, committed_after, cause, reference, actor, at)
VALUES (%s, 1, 0, 1, 0, 'received', %s, '{SYSTEM}', now())
"""
PAYMENT = f"""
INSERT INTO orders.payment (provider, kind, transaction_id, intent, amount, currency, at,
                            recorded_at, actor)
VALUES ('bank', 'captured', 't', '', 1, 'GBP', now(), now(), '{SYSTEM}')
"""


@pytest.fixture
def as_role(db: None) -> As:
    """`with as_role("app") as connection: …` in one transaction that leaves nothing behind."""

    @contextmanager
    def connected(role: str) -> Iterator[Connection]:
        urls = {"app": os.environ["DATABASE_URL"], "owner": os.environ["OWNER_DATABASE_URL"]}
        with psycopg.connect(urls.get(role) or superuser_url()) as connection:
            if role == "reader":
                connection.execute("SET ROLE larder_readonly")
            yield connection
            connection.rollback()

    return connected


def new_product(connection: Connection, sku: str = "NEW") -> int:
    row = connection.execute(PRODUCT, [sku]).fetchone()
    assert row is not None
    return int(row[0])


def booked(connection: Connection) -> int:
    """A product with an entry in its ledger, beside a payment."""
    product = new_product(connection)
    connection.execute(ENTRY, [product, "r1"])
    connection.execute(PAYMENT)
    return product


CHANGES = [
    "UPDATE inventory.ledger_entry SET available_change = 2",
    "UPDATE inventory.ledger_entry SET reference = reference",
    "DELETE FROM inventory.ledger_entry",
    "DELETE FROM inventory.ledger_entry WHERE product_id > 0",
    "UPDATE orders.payment SET amount = 2",
    "DELETE FROM orders.payment",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_the_role_of_the_server_cannot_change_the_books(as_role: As, statement: str) -> None:
    with as_role("app") as connection:
        booked(connection)
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(statement)


@pytest.mark.parametrize("role", ["owner", "superuser"])
@pytest.mark.parametrize("statement", CHANGES)
def test_a_trigger_refuses_changes_of_the_books(as_role: As, role: str, statement: str) -> None:
    with as_role(role) as connection:
        booked(connection)
        with pytest.raises(errors.RestrictViolation, match="append-only"):
            connection.execute(statement)


@pytest.mark.parametrize("role", ["owner", "superuser"])
def test_an_insert_that_would_update_is_refused_too(as_role: As, role: str) -> None:
    with as_role(role) as connection:
        product = booked(connection)
        again = (
            f"{ENTRY} ON CONFLICT (product_id, cause, reference) DO UPDATE SET available_after = 9"
        )
        with pytest.raises(errors.RestrictViolation):
            connection.execute(again, [product, "r1"])


@pytest.mark.parametrize("table", BOOKS)
def test_every_ledger_has_the_trigger_and_the_server_only_reads_and_appends(
    as_role: As, table: str
) -> None:
    with as_role("app") as connection:
        rights = "SELECT has_table_privilege(current_user, %s, %s)"
        held = {
            right
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER")
            if connection.execute(rights, [table, right]).fetchone() == (True,)
        }
        assert held == {"SELECT", "INSERT"}
        triggers = "SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = %s::regclass"
        assert ("append_only", "O") in connection.execute(triggers, [table]).fetchall()


FORBIDDEN = [
    "TRUNCATE inventory.ledger_entry",
    "TRUNCATE orders.order_event",
    "TRUNCATE orders.payment",
    "TRUNCATE identity.audit_entry",
    "TRUNCATE inventory.stock CASCADE",
    "TRUNCATE catalog.product CASCADE",
    'TRUNCATE orders."order" CASCADE',
    "ALTER TABLE inventory.ledger_entry DISABLE TRIGGER append_only",
    "ALTER TABLE inventory.stock DROP CONSTRAINT stock_available",
    "ALTER TABLE inventory.ledger_entry ADD COLUMN x int",
    "DROP TABLE inventory.ledger_entry CASCADE",
    "DROP TRIGGER append_only ON inventory.ledger_entry",
    "CREATE TABLE inventory.x (id int)",
    "CREATE TABLE public.x (id int)",
    "CREATE SCHEMA x",
    "CREATE FUNCTION inventory.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION inventory.refuse_change() RETURNS trigger LANGUAGE sql AS ''",
    "SET session_replication_role = replica",
    "SET ROLE larder_owner",
    "CREATE ROLE x",
    "COPY inventory.stock TO PROGRAM 'cat'",
    "SELECT pg_read_file('/etc/passwd')",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_server_cannot_remove_the_guards_of_the_ledger(as_role: As, statement: str) -> None:
    with as_role("app") as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement)


@pytest.mark.parametrize("column", ["available", "committed"])
def test_stock_cannot_go_below_zero(as_role: As, column: str) -> None:
    for role in ("app", "superuser"):
        with as_role(role) as connection:
            product = new_product(connection)
            change = f"UPDATE inventory.stock SET {column} = -1 WHERE product_id = %s"
            with pytest.raises(errors.CheckViolation, match=f"stock_{column}"):
                connection.execute(change, [product])


def test_the_ledger_has_one_entry_for_each_cause_and_product(as_role: As) -> None:
    with as_role("app") as connection:
        product = booked(connection)
        with pytest.raises(errors.UniqueViolation, match="ledger_entry_once"):
            connection.execute(ENTRY, [product, "r1"])


def test_a_new_product_has_a_stock_row(as_role: As) -> None:
    with as_role("app") as connection:
        product = new_product(connection)
        row = "SELECT available, committed FROM inventory.stock WHERE product_id = %s"
        assert connection.execute(row, [product]).fetchall() == [(0, 0)]


def test_the_database_refuses_invalid_prices_and_rules(as_role: As) -> None:
    for change in ("price = -1", "min_quantity = 0", "step = 0", "max_per_order = 0"):
        with as_role("app") as connection:
            product = new_product(connection)
            with pytest.raises(errors.CheckViolation):
                connection.execute(f"UPDATE catalog.product SET {change} WHERE id = %s", [product])


# --- Archiving and the lock of the stock row -----------------------------------------------
HOLD = "SELECT 1 FROM inventory.stock WHERE product_id = %s FOR NO KEY UPDATE NOWAIT"
REFER = "SELECT 1 FROM inventory.stock WHERE product_id = %s FOR KEY SHARE NOWAIT"
"""As a foreign key is checked that leads there."""
ARCHIVE = "UPDATE catalog.product SET archived_at = now() WHERE id = %s"


@pytest.fixture
def committed(transactional_db: None, product: Callable[..., int]) -> int:
    """A product that other connections see."""
    return product(stock=5)


def test_orders_do_not_wait_for_other_changes_of_a_product(
    committed: int, as_role: As, now: Any
) -> None:
    with as_role("app") as changing, as_role("app") as placing:
        changing.execute("UPDATE catalog.product SET price = 9 WHERE id = %s", [committed])
        assert placing.execute(HOLD, [committed]).fetchall() == [(1,)]


def test_foreign_key_checks_do_not_wait_for_stock_locks(committed: int, as_role: As) -> None:
    with transaction.atomic(), as_role("app") as referring:
        assert lock([committed])
        referring.execute(REFER, [committed])
    with as_role("app") as archiving, as_role("app") as referring:
        archiving.execute(ARCHIVE, [committed])
        referring.execute(REFER, [committed])


# --- Who may only read ---------------------------------------------------------------------
SECRETS = [
    "SELECT password FROM identity.customer",
    "SELECT * FROM identity.customer",
    "SELECT email FROM identity.customer",
    "SELECT count(email) FROM identity.customer",
    "SELECT 1 FROM identity.customer WHERE password LIKE 'argon2%'",
    "SELECT * FROM identity.session",
    "SELECT * FROM identity.key",
    "SELECT * FROM common.idempotency_key",
    "SELECT * FROM public.django_session",
]


@pytest.mark.parametrize("statement", SECRETS)
def test_the_read_only_role_sees_no_credentials(as_role: As, statement: str) -> None:
    with as_role("reader") as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement)


@pytest.mark.parametrize(
    "table",
    ["catalog.product", "inventory.stock", "inventory.ledger_entry", "orders.order_line"],
)
def test_the_read_only_role_reads_the_tables_and_writes_nothing(as_role: As, table: str) -> None:
    with as_role("reader") as connection:
        connection.execute(f"SELECT * FROM {table}")
        connection.execute("SELECT id, username, is_staff FROM identity.customer")
        connection.execute('SELECT number, status, total FROM orders."order"')
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(f"DELETE FROM {table}")
