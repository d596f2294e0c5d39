"""A pytest plugin: one PostgreSQL for the whole run, one database for each test process.

The controlling process starts the project's own PostgreSQL (without fsync: tests only), prepares
a database as an operator would, with `manage.py prepare`, and every test process copies it. Code
under test runs as the *app* role; only making and emptying databases is done as owner.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from larder.local.postgresql import Cluster

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "larder"
_running: list[Cluster] = []
_folder: list[tempfile.TemporaryDirectory[str]] = []
_emptying: list[psycopg.Connection[Any]] = []


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, None, Any]:
    """Before Django reads its settings: they say where the database is."""
    if "LARDER_TEST_OWNER_URL" not in os.environ:
        start()
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}_{os.getpid()}"
    os.environ["OWNER_DATABASE_URL"] = in_database(os.environ["LARDER_TEST_OWNER_URL"], name)
    os.environ["DATABASE_URL"] = in_database(os.environ["LARDER_TEST_APP_URL"], name)
    return (yield)


def pytest_unconfigure() -> None:
    """The process that started PostgreSQL stops it."""
    hang_up()
    stop()


def hang_up() -> None:
    """Closes the connection that empties the tables."""
    while _emptying:
        _emptying.pop().close()


def running() -> list[Cluster]:
    """Returns the PostgreSQL that this process has started."""
    return _running


def stop() -> None:
    """Stops PostgreSQL, if this process has started it."""
    for cluster in _running:
        cluster.stop()
    for folder in _folder:
        folder.cleanup()


def start() -> None:
    """Starts PostgreSQL, prepares the template, and sets the environment of all test processes."""
    folder = tempfile.TemporaryDirectory(prefix="larder-test-")
    # What is known of tables by chance, from a test before, must not decide how a plan looks.
    settings = {"max_connections": "200", "autovacuum": "off"}
    # Hashes of passwords cost 2 ms for each connection otherwise, and there are thousands.
    settings["scram_iterations"] = "1"
    cluster = Cluster(Path(folder.name), durable=False, settings=settings)
    cluster.start()
    _folder.append(folder)
    _running.append(cluster)
    owner, app = patient(cluster.owner_url()), patient(cluster.app_url())
    os.environ |= {
        **dict.fromkeys(("DEMO", "SECURE_SSL_REDIRECT", "MIN_ORDER_TOTAL"), "0"),
        **dict.fromkeys(("PUBLIC_URL", "SECRET_KEY_FALLBACKS", "HOST"), ""),
        "CURRENCY": "GBP",
        # Whatever `make build` collected in this checkout.
        "STATIC_ROOT": str(Path(folder.name) / "static"),
        "PICTURES_DIR": str(Path(folder.name) / "pictures"),
        **dict.fromkeys(("PICTURES_BUCKET", "PICTURES_URL"), ""),
        # A mail server at a port without a listener; tests of mails have their own.
        "EMAIL_URL": "smtp://127.0.0.1:9",
        "DEFAULT_FROM_EMAIL": "shop@example.com",
        "SECRET_KEY": "a-key-that-only-the-tests-know-" * 2,
        "REGISTRATION": "open",
        "RATE_LIMITS": "wide",
        "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
        "LARDER_TEST_OWNER_URL": owner,
        "LARDER_TEST_APP_URL": app,
        "LARDER_TEST_SUPERUSER_URL": patient(cluster.superuser_url()),
        "LARDER_TEST_DATABASE_LOG": str(cluster.log.path),
    }
    prepare = [sys.executable, str(ROOT / "manage.py"), "prepare"]
    urls = {"OWNER_DATABASE_URL": owner, "DATABASE_URL": app}
    subprocess.run(prepare, env=os.environ | urls, check=True, stdout=subprocess.DEVNULL)


def patient(url: str) -> str:
    """The same connection, which may be opened as slowly as a busy machine does it: the settings
    allow two seconds."""
    return f"{url}&connect_timeout=60"


def in_database(url: str, name: str) -> str:
    """The same connection, to another database of the server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextmanager
def preparing_alone() -> Iterator[None]:
    """For the block no other test process prepares its database: roles are the cluster's, and
    preparing makes them what its settings say."""
    shared = in_database(os.environ["LARDER_TEST_SUPERUSER_URL"], "postgres")
    with psycopg.connect(shared, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(1)")
        yield


def superuser_url() -> str:
    """The superuser's connection to this process's database: for damage that is forbidden."""
    name = urlsplit(os.environ["DATABASE_URL"]).path[1:]
    return in_database(os.environ["LARDER_TEST_SUPERUSER_URL"], name)


@contextmanager
def logged() -> Iterator[list[str]]:
    """What PostgreSQL logs within the block about this process's database: complete after it."""
    log, lines = Path(os.environ["LARDER_TEST_DATABASE_LOG"]), list[str]()
    own = f"@{urlsplit(os.environ['DATABASE_URL']).path[1:]} "
    begin = log.stat().st_size
    yield lines
    with log.open("rb") as read:
        read.seek(begin)
        lines += [line for line in read.read().decode().splitlines() if own in line]


def make_database() -> None:
    """Copies the prepared database under this process's name."""
    name, owner = os.environ["DATABASE_URL"], os.environ["LARDER_TEST_OWNER_URL"]
    with psycopg.connect(in_database(owner, "postgres"), autocommit=True) as connection:
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        database = sql.Identifier(urlsplit(name).path[1:])
        connection.execute(copy.format(database, sql.Identifier(TEMPLATE)))
        path = sql.SQL("ALTER ROLE CURRENT_USER IN DATABASE {} SET search_path = {}")
        from larder.db.database import SEARCH_PATH

        connection.execute(path.format(database, sql.SQL(SEARCH_PATH)))


_EMPTY = """
DO $$
DECLARE
    tables regclass[] := array(
        SELECT format('%I.%I', schemaname, tablename)::regclass FROM pg_tables
        WHERE schemaname IN (
                'common', 'identity', 'notifications', 'catalog', 'inventory', 'orders')
            OR (schemaname = 'public' AND tablename IN ('django_session', 'django_admin_log')));
    one regclass;
    used_sequence regclass;
BEGIN
    -- Waits for transactions that a test left open.
    EXECUTE 'LOCK TABLE ' || array_to_string(tables, ', ') || ' IN ACCESS EXCLUSIVE MODE';
    FOREACH one IN ARRAY tables LOOP
        -- What ANALYZE noted about a table, and its dead rows, do not reach the next test.
        IF pg_relation_size(one) > 1024 * 1024
            OR (SELECT reltuples >= 0 FROM pg_class WHERE oid = one)
        THEN
            EXECUTE format('TRUNCATE %s CASCADE', one);
            DELETE FROM pg_statistic WHERE starelid = one;
        ELSE
            EXECUTE format('DELETE FROM %s', one);
        END IF;
    END LOOP;
    FOR used_sequence IN
        SELECT seqrelid::regclass FROM pg_depend JOIN pg_sequence ON seqrelid = objid
        WHERE refobjid = ANY(tables) AND deptype IN ('a', 'i')
            AND pg_sequence_last_value(seqrelid) IS NOT NULL
    LOOP
        PERFORM setval(used_sequence, (
            SELECT seqstart FROM pg_sequence WHERE seqrelid = used_sequence), false);
    END LOOP;
END $$
"""
"""Deleting few rows takes a tenth of the time of TRUNCATE, which makes new files for each table and
index."""


def empty_database() -> None:
    """Empties every table of the shop, and restarts their sequences.

    The superuser does it without triggers: those refuse to delete history, even to the owner.
    """
    try:
        _superuser().execute(_EMPTY)
    except psycopg.OperationalError:
        # A test has ended the session.
        hang_up()
        _superuser().execute(_EMPTY)


def _superuser() -> psycopg.Connection[Any]:
    """Returns this process's connection for emptying tables: a new one reads the catalog again."""
    if not _emptying:
        _emptying.append(psycopg.connect(superuser_url(), autocommit=True))
        _emptying[0].execute("SET session_replication_role = replica")
    return _emptying[0]


def make_new(*tables: str) -> None:
    """Empties tables with TRUNCATE: the planner forgets their sizes, which an ANALYZE of an earlier
    test noted even if its transaction was rolled back. It forgets the values of all tables too."""
    names = sql.SQL(", ").join(sql.Identifier(*table.split(".")) for table in tables)
    _superuser().execute("DELETE FROM pg_statistic WHERE starelid::regclass::text !~ '^pg_'")
    _superuser().execute(sql.SQL("TRUNCATE {} CASCADE").format(names))


@contextmanager
def before(statement: str, act: Callable[[], object]) -> Iterator[None]:
    """Lets another session act, and commit, before this thread first sends a statement that
    contains this text."""
    from django.db import connection

    acts = iter([act])

    def run(execute: Any, sql: Any, *context: Any) -> Any:
        if statement in str(sql) and (due := next(acts, None)) is not None:
            _in_another_session(due)
        return execute(sql, *context)

    with connection.execute_wrapper(run):
        yield
    assert next(acts, None) is None, f"no statement {statement}"


def _in_another_session(act: Callable[[], object]) -> None:
    from django.db import connections

    def alone() -> None:
        try:
            act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as session:
        session.submit(alone).result()


def lock_is_awaited() -> bool:
    """Returns whether a session of this process's database waits for a lock."""
    from larder.db import database

    waiting = """
    SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    return bool(database.rows(waiting))


def analyze(*tables: str) -> None:
    """Tells the planner of the tables as this test's transaction sees them.

    The app role may not: it would get a warning that is not read, and plans of tables that
    are not used. So the owner lets it for a moment.
    """
    from django.db import transaction

    from larder.db import database

    names = sql.SQL(", ").join(map(sql.Identifier, tables))
    app = sql.Identifier(urlsplit(os.environ["DATABASE_URL"]).username or "")
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as owner:
        owner.execute(sql.SQL("GRANT MAINTAIN ON {} TO {}").format(names, app))
        try:
            listed = ", ".join(f'"{table}"' for table in tables)
            with transaction.atomic():
                # A lock that the session did not hold makes it see that the privilege was granted.
                database.execute(f"LOCK TABLE {listed} IN SHARE UPDATE EXCLUSIVE MODE")
                database.execute(f"ANALYZE {listed}")
        finally:
            owner.execute(sql.SQL("REVOKE MAINTAIN ON {} FROM {}").format(names, app))
    known = "SELECT count(DISTINCT tablename) FROM pg_stats WHERE tablename = ANY(%s::text[])"
    assert database.rows(known, [list(tables)]) == [(len(tables),)]


def generic_plan(statement: str) -> str:
    """PostgreSQL's plan for a statement whatever its parameters are: they are `$1`, unsaid."""
    from django.db import connection

    with connection.cursor() as cursor:
        # Without separate parameters psycopg sends it as text, in which alone that is allowed.
        cursor.execute(f"EXPLAIN (GENERIC_PLAN) {statement}")
        return "\n".join(line for (line,) in cursor.fetchall())
