"""Database roles and their rights.

*Owner* makes the tables. *App* (the server) reads and writes rows, but cannot change or delete rows
of append-only tables, nor truncate a table. *Read-only* reads orders and stock, but no credentials,
no addresses and no notes.
"""

from typing import NamedTuple

from django.conf import settings
from django.db import connections, transaction
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from larder.db.database import SCHEMAS, SEARCH_PATH

READ_ONLY = "larder_readonly"
APPEND_ONLY = (
    *("inventory.ledger_entry", "orders.order_event", "orders.payment"),
    "identity.audit_entry",
)
SECRET_TABLES = (
    *("identity.session", "identity.key", "identity.address"),
    *("identity.second_factor", "identity.recovery_code"),
    *(
        "identity.note",
        "notifications.mail",
        "notifications.webhook_endpoint",
        "notifications.device",
        "notifications.watch",
        "common.idempotency_key",
        "common.rate_limit",
    ),
    *("identity.audit_entry", "common.kept_file"),
)
OPEN_COLUMNS = {
    "notifications.delivery": "id, event, type, channel, target, object, at, attempts, next_at,"
    " is_sent, outcome, created_at",
    "identity.customer": "id, public_id, username, is_active, is_staff, may_order, date_joined",
    "orders.order": "id, number, customer_id, status, currency, total, requested_for, version,"
    " created_at, placed_at, updated_at, expires_at, authorised, captured,"
    " refunded, disputed, carrier",
}
"""The columns that *read-only* reads of tables with personal data."""

TIME_LIMITS = {
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
}
"""Time limits of the server's statements. Placing waits for the orders before it."""

READER_LIMITS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
}
"""Time limits of reports, which read more than a request may."""

TRANSACTION_LIMIT = {"transaction_timeout": "30s"}
"""The time limit of the server's transactions, on PostgreSQL 17 and later. Without it, a
transaction with many short statements could delay all readers of a feed without limit. The largest
file that is imported over HTTP takes four seconds; longer transactions lift the limit for
themselves (larder/db/database.py)."""


PLANNING = {"enable_seqscan": "off", "jit": "off"}
"""How the server's statements are planned. A foreign key's check that was planned for an empty or
tiny table scans the table, for up to a minute while it grows: with 150 orders already 380 rows for
each new one. All statements of the server have an index. A statement without one scans in any case,
and must not be compiled because of the high cost that PostgreSQL then assumes."""


def time_limits(server: int) -> dict[str, str]:
    """Returns the time limits of the app role on this version of PostgreSQL, such as 170004."""
    return TIME_LIMITS | (TRANSACTION_LIMIT if server >= 170_000 else {})


class Login(NamedTuple):
    """A role's name and password, from a connection string."""

    name: str
    password: str


def app_login() -> Login:
    """Returns the role of DATABASE_URL."""
    url = conninfo_to_dict(settings.DATABASE_URL)
    return Login(str(url.get("user") or ""), str(url.get("password") or ""))


def separate() -> bool:
    """Returns whether the server's role is not the owner."""
    owner = conninfo_to_dict(settings.OWNER_DATABASE_URL).get("user")
    return bool(app_login().name) and app_login().name != owner


def make_roles(*, using: str = "owner") -> None:
    """Makes or updates the app and read-only roles: log-in, search path, limits, planning.

    Also sets the owner's search path, which belongs to one database and is in no dump of it.
    """
    here = sql.Identifier(_read(using, "SELECT current_database()"))
    _run(using, f"ALTER ROLE CURRENT_USER IN DATABASE {{}} SET search_path = {SEARCH_PATH}", here)
    connections[using].close()  # The search path applies to new connections.
    if not separate():
        return
    server = int(_read(using, "SHOW server_version_num"))
    _make(using, app_login(), time_limits(server) | PLANNING, may_log_in=True)
    # The owner may let the server read the state of replicas (larder/ops/telemetry).
    if _read(using, "SELECT pg_has_role('pg_monitor', 'MEMBER WITH ADMIN OPTION')") == "True":
        _run(using, "GRANT pg_monitor TO {}", sql.Identifier(app_login().name))
    reader = Login(READ_ONLY, settings.READONLY_PASSWORD)
    _make(using, reader, READER_LIMITS, may_log_in=bool(reader.password))


def _make(using: str, login: Login, limits: dict[str, str], *, may_log_in: bool) -> None:
    role = sql.Identifier(login.name)
    known = _read(using, "SELECT count(*) FROM pg_roles WHERE rolname = %s", login.name) == "1"
    verb, log_in = "ALTER" if known else "CREATE", "LOGIN" if may_log_in else "NOLOGIN"
    _run(using, f"{verb} ROLE {{}} {log_in}", role)
    _run(using, f"ALTER ROLE {{}} SET search_path = {SEARCH_PATH}", role)
    for name, value in limits.items():
        _run(using, f"ALTER ROLE {{}} SET {name} = {{}}", role, sql.Literal(value))
    if login.password:
        _run(using, "ALTER ROLE {} PASSWORD {}", role, sql.Literal(_verifier(using, login)))


def _verifier(using: str, login: Login) -> str:
    """Returns what is sent in place of the password, because PostgreSQL logs the statement with
    `log_statement = ddl`, and if it fails."""
    with connections[using].cursor() as cursor:
        encrypt = cursor.connection.pgconn.encrypt_password
        name, password = login.name.encode(), login.password.encode()
        return str(encrypt(password, name, b"scram-sha-256").decode())


def _read(using: str, statement: str, *values: str) -> str:
    with connections[using].cursor() as cursor:
        cursor.execute(statement, values)
        return str(cursor.fetchone()[0])


def grant(*, using: str = "owner") -> None:
    """Grants each role its rights on all tables. Run when all migrations are made."""
    if not separate():
        return
    with transaction.atomic(using=using):
        _grant(using, sql.Identifier(app_login().name), sql.Identifier(READ_ONLY))


def _grant(using: str, app: sql.Identifier, reader: sql.Identifier) -> None:
    """Grants all rights, then revokes some of them, in one transaction."""
    for schema in ("public", *SCHEMAS):
        tables = f"ALL TABLES IN SCHEMA {schema}"
        for role, rights in ((app, "SELECT, INSERT, UPDATE, DELETE"), (reader, "SELECT")):
            _run(using, f"GRANT USAGE ON SCHEMA {schema} TO {{}}", role)
            _run(using, f"GRANT {rights} ON {tables} TO {{}}", role)
        _run(using, f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {{}}", app)
    # Django's own tables, and those of former releases.
    _run(using, "REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM {}", reader)
    for table in APPEND_ONLY:
        _run(using, f"REVOKE UPDATE, DELETE ON {table} FROM {{}}", app)
    for table in (*SECRET_TABLES, *OPEN_COLUMNS):
        _run(using, f"REVOKE SELECT ON {_quoted(table)} FROM {{}}", reader)
    for table, columns in OPEN_COLUMNS.items():
        _run(using, f"GRANT SELECT ({columns}) ON {_quoted(table)} TO {{}}", reader)


def _quoted(table: str) -> str:
    """Quotes the name in a schema, because `order` is a word of SQL."""
    schema, _, name = table.partition(".")
    return f'{schema}."{name}"'


def _run(using: str, statement: str, *parts: sql.Composable) -> None:
    with connections[using].cursor() as cursor:
        composed = sql.SQL(statement).format(*parts)
        cursor.execute(composed.as_string(cursor.connection))
