"""Database roles and what each may do.

*Owner* makes the tables. *App* (the server) reads and writes rows, but cannot change or delete
what is append-only, and truncates nothing. *Read-only* sees the books, not the credentials
nor where people live.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db import connections, transaction
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from larder.db.database import SCHEMAS, SEARCH_PATH

READ_ONLY = "larder_readonly"
APPEND_ONLY = ("inventory.ledger_entry", "orders.order_event", "identity.audit_entry")
SECRET_TABLES = (
    *("identity.session", "identity.key", "identity.address", "identity.password_reset"),
    *("identity.second_factor", "identity.one_time_code"),
    *("identity.email_change", "common.idempotency_key", "common.rate_limit"),
    "public.django_session",
    *("public.procrastinate_jobs", "public.procrastinate_events"),
)
OPEN_CUSTOMER_COLUMNS = "id, public_id, username, is_active, is_staff, may_order, date_joined"

TIME_LIMITS = {
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
}
"""What the server's statements may take; a placing waits for the orders before it."""

READER_LIMITS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
}
"""Reports read more than a request may, and still end."""

TRANSACTION_LIMIT = {"transaction_timeout": "30s"}
"""What the server's transactions may take in all, on PostgreSQL 17 and later: short statements,
one after the other, would hold every reader of a feed back for as long as they like. The largest
file that is sent over HTTP takes some four seconds; what has to take longer lifts the limit for
itself (larder/db/database.py)."""


PLANNING = {"enable_seqscan": "off", "jit": "off"}
"""How the server's statements are planned. Planned while a table was known to be empty or tiny, a
foreign key's check walks the table, and goes on to for up to a minute while it grows: with 150
orders already 380 rows for each new one. Every statement of the server has its index; one that has
none walks all the same, and must not be compiled for the price that this is given then."""


def time_limits(server: int) -> dict[str, str]:
    """The time limits of the app role on this version of PostgreSQL, such as 170004."""
    return TIME_LIMITS | (TRANSACTION_LIMIT if server >= 170_000 else {})


@dataclass(frozen=True, slots=True)
class Login:
    """A role's name and password, as a connection string gives them."""

    name: str
    password: str


def app_login() -> Login:
    """The role of DATABASE_URL."""
    given = conninfo_to_dict(settings.DATABASE_URL)
    return Login(str(given.get("user") or ""), str(given.get("password") or ""))


def separate() -> bool:
    """Whether the server has a role of its own, beside the owner."""
    owner = conninfo_to_dict(settings.OWNER_DATABASE_URL).get("user")
    return bool(app_login().name) and app_login().name != owner


def make_roles(*, using: str = "owner") -> None:
    """Makes or renews the app and read-only roles: log-in, search path, limits, planning.

    The owner's own path is of one database, and in no dump of it: it is renewed too.
    """
    here = sql.Identifier(_ask(using, "SELECT current_database()"))
    _run(using, f"ALTER ROLE CURRENT_USER IN DATABASE {{}} SET search_path = {SEARCH_PATH}", here)
    connections[using].close()  # The path is that of connections made from now on.
    if not separate():
        return
    app = app_login()
    _make(app.name, using, login=True)
    if app.password:
        _set_password(using, app)
    for name, value in (time_limits(_server(using)) | PLANNING).items():
        _run(
            using,
            f"ALTER ROLE {{}} SET {name} = {{}}",
            sql.Identifier(app.name),
            sql.Literal(value),
        )
    if _may_pass_on_monitoring(using):
        _run(using, "GRANT pg_monitor TO {}", sql.Identifier(app.name))
    _make_reader(using, settings.READONLY_PASSWORD)


def _make_reader(using: str, password: str) -> None:
    """The read-only role: for reports and for people who look something up. It can log in only
    where somebody gave it a password, and holds no reader of the feeds back for longer than
    READER_LIMITS."""
    _make(READ_ONLY, using, login=bool(password))
    reader = sql.Identifier(READ_ONLY)
    if password:
        _set_password(using, Login(READ_ONLY, password))
    for name, value in READER_LIMITS.items():
        _run(using, f"ALTER ROLE {{}} SET {name} = {{}}", reader, sql.Literal(value))


def _set_password(using: str, login: Login) -> None:
    """Sends the SCRAM verifier of the password: PostgreSQL logs the statement with
    `log_statement = ddl`, and if it fails."""
    with connections[using].cursor() as cursor:
        verifier = cursor.connection.pgconn.encrypt_password(
            login.password.encode(), login.name.encode(), b"scram-sha-256"
        ).decode()
    role = sql.Identifier(login.name)
    _run(using, "ALTER ROLE {} PASSWORD {}", role, sql.Literal(verifier))


def _may_pass_on_monitoring(using: str) -> bool:
    """Whether the owner may let the server see how replicas stand (larder/ops/shop_state.py)."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_has_role('pg_monitor', 'MEMBER WITH ADMIN OPTION')")
        return bool(cursor.fetchone()[0])


def _server(using: str) -> int:
    return int(_ask(using, "SHOW server_version_num"))


def _ask(using: str, question: str) -> str:
    with connections[using].cursor() as cursor:
        cursor.execute(question)
        return str(cursor.fetchone()[0])


def _make(role: str, using: str, *, login: bool) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        known = cursor.fetchone() is not None
    verb = "ALTER" if known else "CREATE"
    _run(
        using,
        f"{verb} ROLE {{}} {'LOGIN' if login else 'NOLOGIN'}",
        sql.Identifier(role),
    )
    _run(using, f"ALTER ROLE {{}} SET search_path = {SEARCH_PATH}", sql.Identifier(role))


def grant(*, using: str = "owner") -> None:
    """Grants each role its rights on the tables as they are now; run after each migrate."""
    if not separate():
        return
    with transaction.atomic(using=using):
        _grant(using, sql.Identifier(app_login().name), sql.Identifier(READ_ONLY))


def _grant(using: str, app: sql.Identifier, reader: sql.Identifier) -> None:
    """Everything first, then what is too much taken back: nobody sees what is in between."""
    for schema in ("public", *SCHEMAS):
        _grant_app(using, schema, app)
        _run(using, f"GRANT USAGE ON SCHEMA {schema} TO {{}}", reader)
        _run(using, f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {{}}", reader)
    for table in APPEND_ONLY:
        _run(using, f"REVOKE UPDATE, DELETE ON {table} FROM {{}}", app)
    for table in (*SECRET_TABLES, "identity.customer"):
        _run(using, f"REVOKE SELECT ON {table} FROM {{}}", reader)
    _run(
        using,
        f"GRANT SELECT ({OPEN_CUSTOMER_COLUMNS}) ON identity.customer TO {{}}",
        reader,
    )


def _grant_app(using: str, schema: str, app: sql.Identifier) -> None:
    rights = "SELECT, INSERT, UPDATE, DELETE"
    _run(using, f"GRANT USAGE ON SCHEMA {schema} TO {{}}", app)
    _run(using, f"GRANT {rights} ON ALL TABLES IN SCHEMA {schema} TO {{}}", app)
    _run(using, f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {{}}", app)


def _run(using: str, statement: str, *parts: sql.Composable) -> None:
    with connections[using].cursor() as cursor:
        composed = sql.SQL(statement).format(*parts)
        cursor.execute(composed.as_string(cursor.connection))
