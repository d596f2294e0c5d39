"""The command `check_invariants`: its output, exit status and snapshot."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from larder.db import database
from larder.db.database import SEARCH_PATH
from larder.ops.books import invariants
from tests.database import superuser_url
from tests.ops import busy_shop

MANY = len(invariants.INVARIANTS)
ROOT = Path(__file__).resolve().parents[2]
VIOLATION = (
    "INSERT INTO idempotency_key (actor, operation, key, fingerprint, result, created_at)"
    " VALUES (gen_random_uuid(), 'POST /x', 'k', '', '', now())"
)


def _run(**options: str) -> str:
    output = StringIO()
    call_command("check_invariants", stdout=output, **options)
    return output.getvalue()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_invariants_hold_after_random_operations(transactional_db: None, seed: int) -> None:
    shop = busy_shop.open_shop()
    placed = busy_shop.trade(shop, seed=seed, steps=200)
    report = invariants.check()
    assert [finding.invariant.name for finding in report.violated] == []
    assert placed > 15 < report.looked_at["order"]
    happened = {row[0] for row in database.rows("SELECT DISTINCT type FROM order_event")}
    assert {"changed", "packed", "shipped", "returned", "cancelled"} <= happened


def test_a_report_without_violations_has_a_line_for_each_invariant(transactional_db: None) -> None:
    busy_shop.open_shop()
    *lines, last = _run().splitlines()
    names = [invariant.name for invariant in invariants.INVARIANTS]
    assert [line.split()[:3] for line in lines] == [["ok", name, "0"] for name in names]
    assert last.startswith(
        f"All {len(names)} invariants hold over 3 × product, 6 × ledger_entry, 3 × order"
    )


def test_a_violation_is_reported_with_its_rows_and_its_page(transactional_db: None) -> None:
    database.execute(VIOLATION)
    output = StringIO()
    with pytest.raises(CommandError, match=f"1 of {MANY} invariants are violated") as ended:
        call_command("check_invariants", stdout=output)
    assert ended.value.returncode == 1
    assert "violated  no_claim_is_left_open" in output.getvalue()
    assert '"operation": "POST /x"' in output.getvalue()
    assert "Look at the use case of the operation" in output.getvalue()


def test_the_json_report_has_the_same_results(transactional_db: None) -> None:
    shop = busy_shop.open_shop()
    report = json.loads(_run(format="json"))
    assert report["ok"] is True
    assert report["looked_at"]["product"] == 3
    _damage(f"UPDATE stock SET available = available + 1 WHERE product_id = {shop.hat}")
    output = StringIO()
    with pytest.raises(CommandError):
        call_command("check_invariants", format="json", stdout=output)
    violated = [check for check in json.loads(output.getvalue())["invariants"] if not check["ok"]]
    assert [
        (violation["name"], violation["violations"], violation["rows"][0]["product_id"])
        for violation in violated
    ] == [
        ("stock_is_the_sum_of_its_ledger", 1, shop.hat),
    ]


def _damage(statement: str) -> None:
    with psycopg.connect(superuser_url()) as superuser:
        superuser.execute(f"SET LOCAL search_path = {SEARCH_PATH}")
        superuser.execute(statement.encode())


@pytest.mark.system
def test_the_exit_status_is_1_if_an_invariant_is_violated(transactional_db: None) -> None:
    database.execute(VIOLATION)
    done = _command(os.environ["DATABASE_URL"])
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (1, False)


@pytest.mark.system
def test_an_unreachable_database_is_reported_as_an_error() -> None:
    done = _command("postgresql://nobody@127.0.0.1:1/nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("CommandError: Not checked: ")
    assert len(done.stderr.splitlines()) == 2


def _command(url: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "manage.py", "check_invariants", "--format", "json"]
    environment = os.environ | {"DATABASE_URL": url}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def _between_two_statements(do: Callable[[], Any]) -> Any:
    """Has `do` done once while the check is under way, after its first look at the tables."""
    seen: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        seen.append(sql)
        if len(seen) == 5:
            do()
        return execute(sql, params, many, context)

    return connection.execute_wrapper(watch)


def _elsewhere(statement: str) -> None:
    """Commits a statement on another connection."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as other:
        other.execute(statement.encode())


def test_all_statements_read_one_snapshot(transactional_db: None) -> None:
    with _between_two_statements(lambda: _elsewhere(VIOLATION)):
        assert not invariants.check().violated
    assert len(invariants.check().violated) == 1


def test_the_check_cannot_write(transactional_db: None) -> None:
    with (
        pytest.raises(OperationalError, match="read-only transaction"),
        _between_two_statements(lambda: connection.cursor().execute(VIOLATION)),
    ):
        invariants.check()


def test_only_the_check_may_exceed_the_time_limit_of_transactions(
    transactional_db: None,
) -> None:
    limits: list[str] = []

    def ask() -> None:
        with connection.cursor() as cursor:
            for name in ("statement_timeout", "transaction_timeout"):
                cursor.execute(f"SHOW {name}")
                limits.extend(cursor.fetchone())

    with _between_two_statements(ask):
        invariants.check()
    ask()
    assert limits == ["15min", "0", "10s", "30s"]


def test_the_check_never_sees_partly_placed_orders(transactional_db: None) -> None:
    shop, ended = busy_shop.open_shop(), threading.Event()

    def check_until_ended() -> int:
        checks = 0
        while not ended.is_set():
            assert [finding.invariant.name for finding in invariants.check().violated] == []
            checks += 1
        connection.close()
        return checks

    with ThreadPoolExecutor(1) as checker:
        checks = checker.submit(check_until_ended)
        try:
            busy_shop.trade(shop, seed=4, steps=120)
        finally:
            ended.set()
        assert checks.result() >= 3
