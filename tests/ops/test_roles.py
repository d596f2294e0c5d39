"""The read-only role: it logs in only if it has a password, and only reads."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from larder.db import database
from tests.database import logged, superuser_url

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a-password-of-this-test-alone"


def prepare(password: str) -> None:
    command = [sys.executable, "manage.py", "prepare"]
    environment = os.environ | {"READONLY_PASSWORD": password}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)


def reader_url() -> str:
    url = urlsplit(os.environ["DATABASE_URL"])
    where = url.netloc.rpartition("@")[2]
    return urlunsplit(url._replace(netloc=f"larder_readonly:{SECRET}@{where}"))


BOOKS = ("product", "stock", "ledger_entry", "order_line", "order_event")
READABLE = {
    *("category", "product", "stock", "held_line", "ledger_entry"),
    *(
        "adjustment",
        "counted_product",
        "order_line",
        "order_event",
        "cart",
        "sales_change",
    ),
    *("payment", "refund_due"),
    *("observation", "customer_groups", "customer_user_permissions"),
    *("relay_mark", "told_stock"),
}
"""The tables of which the read-only role reads each column. A new table belongs here only if it has
no credentials and nothing of a person; otherwise it is in SECRET_TABLES or OPEN_COLUMNS."""
REFUSED = (
    "SELECT password FROM customer",
    "SELECT email FROM customer",
    "SELECT * FROM session",
    "SELECT * FROM key",
    "SELECT * FROM address",
    *('SELECT ship_to FROM "order"', 'SELECT note FROM "order"'),
    *("SELECT after FROM audit_entry", "SELECT object_repr FROM django_admin_log"),
    *("SELECT text FROM note", "SELECT data FROM delivery"),
    "SELECT * FROM rate_limit",
    "SELECT * FROM kept_file",
    "SELECT * FROM django_session",
    "INSERT INTO category (name) VALUES ('x')",
    "UPDATE stock SET available = 0",
    "DELETE FROM product",
    "TRUNCATE product",
    "CREATE TABLE public.mine (id int)",
    "SELECT pg_read_file('/etc/passwd')",
    "COPY product TO PROGRAM 'true'",
)


@pytest.mark.system
def test_the_read_only_role_logs_in_with_a_password_and_only_reads(
    transactional_db: None, prepares: None
) -> None:
    """One test, for the role is the cluster's: others must not find it in between."""
    prepare(SECRET)
    with psycopg.connect(reader_url(), autocommit=True) as reader:
        for table in BOOKS:
            reader.execute(f"SELECT * FROM {table} LIMIT 1")
        reader.execute('SELECT number, total, status FROM "order" LIMIT 1')
        assert reader.execute("SHOW statement_timeout").fetchone() == ("1min",)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            reader.execute("CREATE TEMPORARY TABLE mine (id int)")
        # Also where it turns off what keeps it from writing by default.
        reader.execute("SET default_transaction_read_only = off")
        for statement in REFUSED:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(statement)
    prepare("")
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        psycopg.connect(reader_url())


@pytest.mark.system
def test_a_log_of_all_statements_has_no_password_of_a_role(
    transactional_db: None, prepares: None
) -> None:
    owner = urlsplit(os.environ["OWNER_DATABASE_URL"])
    names = [sql.Identifier(owner.username or ""), sql.Identifier(owner.path[1:])]
    logs_all = sql.SQL("ALTER ROLE {} IN DATABASE {} SET log_statement = 'all'").format(*names)
    logs_none = sql.SQL("ALTER ROLE {} IN DATABASE {} RESET log_statement").format(*names)
    with psycopg.connect(superuser_url(), autocommit=True) as superuser:
        superuser.execute(logs_all)
        try:
            with logged() as lines:
                prepare(SECRET)
        finally:
            superuser.execute(logs_none)
    prepare("")
    written = "\n".join(lines)
    for role in ("larder_app", "larder_readonly"):
        assert f'ALTER ROLE "{role}" PASSWORD \'SCRAM-SHA-256$' in written.replace(" E'", " '")
    of_the_app = unquote(urlsplit(os.environ["DATABASE_URL"]).password or "")
    assert len(of_the_app) > 10
    assert [text for text in (SECRET, of_the_app) if text in written] == []


def test_the_read_only_role_reads_whole_tables_only_if_they_have_nothing_of_a_person(
    db: None,
) -> None:
    rows = database.rows(
        "SELECT DISTINCT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE relkind IN ('r', 'p') AND nspname = ANY(%s)"
        " AND has_table_privilege('larder_readonly', pg_class.oid, 'SELECT')",
        [["public", *database.SCHEMAS]],
    )
    assert {name for (name,) in rows} == READABLE


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET available_change = 0",
        "DELETE FROM order_event",
        "UPDATE audit_entry SET action = 'nothing'",
        "DELETE FROM audit_entry",
        "TRUNCATE rate_limit",
        "DROP TABLE product",
        "CREATE TABLE public.mine (id int)",
        "CREATE ROLE mine",
        "ALTER ROLE larder_readonly LOGIN",
        "SET ROLE larder_owner",
        "ALTER TABLE ledger_entry DISABLE TRIGGER ALL",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
def test_the_servers_role_cannot_change_history_or_tables(
    statement: str, transactional_db: None
) -> None:
    with (
        psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        server.execute(statement)


def test_the_owner_is_not_a_superuser(transactional_db: None) -> None:
    with psycopg.connect(superuser_url()) as superuser:
        rows = superuser.execute(
            "SELECT rolname, rolsuper, rolreplication, rolbypassrls, rolcreatedb FROM pg_roles"
            " WHERE rolname IN ('larder_app', 'larder_readonly')"
        ).fetchall()
        (owner,) = superuser.execute(
            "SELECT rolsuper FROM pg_roles WHERE rolname = 'larder_owner'"
        ).fetchall()
    assert sorted(row[0] for row in rows) == ["larder_app", "larder_readonly"]
    assert all(not any(row[1:]) for row in rows)
    assert owner == (False,)
