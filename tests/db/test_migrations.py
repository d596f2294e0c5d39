"""Squashed migrations make the same schema as those that they replace, and keep all data."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from tests.server import ROOT, Server
from tools.local_postgres import Cluster, binaries, libpq, temporary_cluster

pytestmark = pytest.mark.system

FORMER = Path(__file__).with_name("former")
"""A shop as commit 51d598f left it: `pg_dump --inserts`, and what its API answered."""
PASSWORDS = {"ada": "a rather good one", "grace": "a rather good one too"}
STAFF = "staff"

WITHOUT_SQUASHED = """
import sys
from django.core.management import execute_from_command_line
from django.db.migrations.loader import MigrationLoader

def load_disk(self, load_disk=MigrationLoader.load_disk):
    load_disk(self)
    self.disk_migrations = {k: one for k, one in self.disk_migrations.items() if not one.replaces}

MigrationLoader.load_disk = load_disk
execute_from_command_line(["manage.py", "prepare"])
"""

LOGGED = """
INSERT INTO public.django_admin_log (
    action_time, user_id, content_type_id, object_id, object_repr, action_flag, change_message)
SELECT now(), min(customer.id), content.id, '7', 'Ada, ' || content.model, 2, ''
FROM identity.customer, public.django_content_type AS content
WHERE content.model IN ('customer', 'product') GROUP BY content.id
"""
"""What the admin of then wrote of a change of an account and of a product."""

NAMED = """
INSERT INTO identity.key (id, customer_id, name, digest, created_at, ended_at)
SELECT gen_random_uuid(), id, 'till', sha256(username::bytea), now(), now() FROM identity.customer
"""
"""A key of each account, with a name that its owner wrote."""

ROWS = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL whose database `larder` was made by the squashed migrations."""
    with temporary_cluster() as started:
        prepare(started, "larder")
        yield started


Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def upgraded(cluster: Cluster) -> tuple[Rows, Rows]:
    """A database `upgraded` with the former shop, migrated; returns its rows before and after."""
    make(cluster, "upgraded")
    with psycopg.connect(cluster.owner_url("upgraded")) as connection:
        connection.execute(gzip.decompress((FORMER / "51d598f.sql.gz").read_bytes()))
    before = rows(cluster, "upgraded")
    with psycopg.connect(cluster.owner_url("upgraded")) as connection:
        connection.execute(LOGGED)
        connection.execute(NAMED)
    prepare(cluster, "upgraded")
    return before, rows(cluster, "upgraded")


def make(cluster: Cluster, name: str) -> None:
    with psycopg.connect(cluster.owner_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def urls(cluster: Cluster, name: str) -> dict[str, str]:
    return {"OWNER_DATABASE_URL": cluster.owner_url(name), "DATABASE_URL": cluster.app_url(name)}


def prepare(cluster: Cluster, name: str, *command: str) -> None:
    """Runs `manage.py prepare`, or another command of Python, on a database."""
    arguments = [sys.executable, *(command or ("manage.py", "prepare"))]
    environment = os.environ | urls(cluster, name) | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    subprocess.run(
        arguments, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=300
    )


def schema(cluster: Cluster, name: str) -> list[str]:
    """Returns what pg_dump writes of a database's tables, functions, triggers and rights."""
    command = [str(binaries.find().program("pg_dump")), "--schema-only", "--no-password"]
    environment = libpq.environment(cluster.owner_url(name))
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    # The key of these two lines is another each time.
    lines = done.stdout.splitlines()
    return [one for one in lines if not one.startswith(("\\restrict", "\\unrestrict"))]


def schema_restored(cluster: Cluster, name: str) -> list[str]:
    """Returns the schema of a restored copy: PostgreSQL rewrites a check that was dumped once."""
    copy = f"{name}_restored"
    make(cluster, copy)
    with psycopg.connect(cluster.owner_url(copy)) as connection:
        connection.execute("\n".join(schema(cluster, name)).encode())
    return schema(cluster, copy)


def rows(cluster: Cluster, name: str) -> Rows:
    """Returns every row of every table."""
    found = {}
    with psycopg.connect(cluster.owner_url(name)) as connection:
        for (table,) in connection.execute(ROWS).fetchall():
            content = connection.execute(
                f"SELECT to_jsonb(each) - 'search_text' FROM {table} AS each ORDER BY 1"
            )
            found[table] = [row for (row,) in content]
    return found


GONE = {"lines_fingerprint", "rest_fingerprint"}
"""Columns that no table has any more."""


def kept(before: Any, now: Any) -> bool:
    """Returns whether `now` has everything that `before` had; it may have more."""
    if isinstance(before, dict) and isinstance(now, dict):
        return all(name in now and kept(value, now[name]) for name, value in before.items())
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return all(map(kept, before, now))
    return bool(before == now)


def test_squashed_migrations_make_the_schema_of_those_they_replace(cluster: Cluster) -> None:
    make(cluster, "step_by_step")
    prepare(cluster, "step_by_step", "-c", WITHOUT_SQUASHED)
    assert len(schema(cluster, "larder")) > 1000
    assert schema(cluster, "step_by_step") == schema(cluster, "larder")


@pytest.mark.usefixtures("upgraded")
def test_a_former_database_gets_the_schema_of_a_new_one(cluster: Cluster) -> None:
    assert schema_restored(cluster, "upgraded") == schema_restored(cluster, "larder")
    with psycopg.connect(cluster.owner_url("upgraded")) as connection:
        applied = set(connection.execute("SELECT app, name FROM django_migrations"))
    assert applied >= set(MigrationLoader(None, replace_migrations=False).disk_migrations)


def test_a_former_database_keeps_every_row(cluster: Cluster, upgraded: tuple[Rows, Rows]) -> None:
    before, after = upgraded
    assert sum(map(len, before.values())) > 200
    for table, rows_before in without_carts(before).items():
        columns = rows_before[0].keys() - GONE if rows_before else ()
        present = [{name: row[name] for name in columns} for row in after[table]]
        assert [row for row in rows_before if row not in present] == [], table
    prepare(cluster, "upgraded", "manage.py", "check_invariants")


def without_carts(tables: Rows) -> Rows:
    """Returns the rows without those of carts, which have moved to a table of their own."""
    drafts = {row["id"] for row in tables['orders."order"'] if row["status"] == "draft"}
    left = {name: rows for name, rows in tables.items() if name != "orders.cart_end"}
    left['orders."order"'] = [row for row in left['orders."order"'] if row["id"] not in drafts]
    lines = left["orders.order_line"]
    return left | {"orders.order_line": [row for row in lines if row["order_id"] not in drafts]}


def test_carts_of_a_former_database_keep_their_id_number_and_lines(
    upgraded: tuple[Rows, Rows],
) -> None:
    before, after = upgraded
    drafts = {row["id"]: row for row in before['orders."order"'] if row["status"] == "draft"}
    carts = {row["order"]: row for row in after["orders.cart"] if row["order"]}
    assert carts.keys() == drafts.keys() != set()
    for id, draft in drafts.items():
        same = ("customer_id", "number", "version", "created_at", "updated_at")
        assert [carts[id][name] for name in same] == [draft[name] for name in same]
        lines = [row for row in before["orders.order_line"] if row["order_id"] == id]
        names = {"id": "id", "product": "product_id", "quantity": "quantity"}
        expected = [{name: row[column] for name, column in names.items()} for row in lines]
        assert [{name: line[name] for name in names} for line in carts[id]["lines"]] == expected
    ended = {row["customer_id"]: row["cart"] for row in before.get("orders.cart_end", ())}
    assert (
        ended.items() <= {row["customer_id"]: row["ended"] for row in after["orders.cart"]}.items()
    )


def test_the_migrated_log_of_the_admin_has_no_account_names(upgraded: tuple[Rows, Rows]) -> None:
    log = upgraded[1]["public.django_admin_log"]
    assert {one["object_repr"] for one in log} == {"", "Ada, product"}


def test_api_keys_of_deleted_accounts_have_no_names(upgraded: tuple[Rows, Rows]) -> None:
    people = {one["id"]: one for one in upgraded[1]["identity.customer"]}
    named = {
        (people[key["customer_id"]]["deleted_at"] is None, key["name"])
        for key in upgraded[1]["identity.key"]
    }
    assert (False, "") in named
    assert (True, "till") in named
    assert (False, "till") not in named


@pytest.mark.usefixtures("upgraded")
def test_a_migrated_database_gives_the_same_answers_as_before(cluster: Cluster) -> None:
    former = json.loads((FORMER / "51d598f.json").read_text())
    with Server(workers=1, environment=urls(cluster, "upgraded")) as server:
        for name, answers in former.items():
            token = server.token(name, PASSWORDS.get(name, PASSWORDS["ada"]))
            for path, body in answers.items():
                now = server.call("GET", path, token=token)
                assert (now.status, kept(body, now.body)) == (200, True), (path, body, now.body)
        ordered = former["ada"]["orders?limit=100"]["results"][-1]
        assert ordered["note"] == "Ring twice."
        again = {name: ordered[name] for name in ("note", "reference", "ship_to", "requested_for")}
        lines = [{name: one[name] for name in ("product", "quantity")} for one in ordered["lines"]]
        token, key = server.token("ada", PASSWORDS["ada"]), {"Idempotency-Key": "key-placed"}
        repeated = server.call("POST", "orders", again | {"lines": lines}, token=token, headers=key)
        assert (repeated.status, repeated.body["id"]) == (201, ordered["id"])
        new = server.call("POST", "orders", {"lines": lines[:1]}, token=token)
        assert (new.status, new.body["number"] > ordered["number"]) == (201, True)
