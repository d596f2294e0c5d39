"""The replay of real orders, and its detection of wrong answers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from larder.identity.models import Customer
from tests import database
from tests.ops import falsifying_proxy
from tests.server import Server
from tools.errors import LauncherError
from tools.replay import options
from tools.replay.__main__ import replay

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
STAFF = {"STAFF_USER": "clerk", "STAFF_PASSWORD": "correct horse"}


@pytest.fixture(scope="module")
def shop(django_db_setup: None, django_db_blocker: Any) -> Iterator[Server]:
    """A running server with a clerk, for all replays of this file."""
    with django_db_blocker.unblock():
        Customer.objects.create_superuser("clerk", STAFF["STAFF_PASSWORD"])
        with Server(workers=2) as server:
            yield server
        database.empty_database()


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A data folder without a database, and no DATABASE_URL: there is only the own count."""
    monkeypatch.delenv("DATABASE_URL")
    return tmp_path


def _replay(url: str, data: Path, *arguments: str) -> int:
    few = ("--orders", "8", "--accounts", "2", "--customers", "4", "--keep")
    given = [*few, "--base-url", url, "--data", str(data), *arguments]
    return replay(options.parse(given, STAFF))


def test_a_replay_of_300_real_orders_accounts_for_every_unit(shop: Server) -> None:
    arguments = ("--orders", "300", "--accounts", "8", "--retry", "0.3", "--keep")
    done = subprocess.run(
        [sys.executable, "-m", "tools.replay", *arguments],
        cwd=ROOT,
        env=os.environ | STAFF | {"BASE_URL": f"http://127.0.0.1:{shop.port}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = {line[:12].strip(): line[12:].strip() for line in done.stdout.splitlines()}
    assert figures["own count"] == "1,415 products, every unit accounted for"
    assert figures["invariants"] == "all hold"
    placed, refused = int(figures["placed"]), int(figures["refused"].split(",")[0])
    assert placed + refused == 300
    assert min(placed, refused) > 50
    assert int(figures["answers"].split()[1]) > 5


def test_real_cancellations_are_cancelled_or_shipped_and_returned(
    shop: Server, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"http://127.0.0.1:{shop.port}"
    assert _replay(url, nowhere, "--orders", "395", "--scarce", "1", "--retry", "0.3") == 0
    figures = {
        line[:12].strip(): line[12:].strip() for line in capsys.readouterr().out.splitlines()
    }
    assert figures["placed"] == "395"
    given_back = figures["given back"].replace(",", "").split()
    assert given_back[1:3] == ["cancelled", "1"]
    assert int(given_back[4]) > 20
    rows = "SELECT count(*) FROM ledger_entry WHERE cause = 'return'"
    assert int(_one(rows)) > 40


def test_the_products_of_a_run_are_archived_afterwards(shop: Server, nowhere: Path) -> None:
    listed = "SELECT count(*) FROM product WHERE archived_at IS NULL"
    before = _one(listed)
    few = [
        "--orders",
        "2",
        "--accounts",
        "1",
        "--scarce",
        "1",
        "--base-url",
        f"http://127.0.0.1:{shop.port}",
    ]
    assert replay(options.parse([*few, "--data", str(nowhere)], STAFF)) == 0
    assert _one(listed) == before


def _one(statement: str) -> Any:
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as connection:
        (found,) = connection.execute(statement.encode()).fetchone() or (None,)
    return found


LIES = {
    "places_twice": "is in the history 2 times",
    "loses_an_answer": "answered 500",
    "denies_an_order": "was not acknowledged and is in the history 1 times",
    "refuses_for_nothing": "was refused, though all of it is there",
    "acknowledges_nothing": "was acknowledged and is in the history 0 times",
    "finds_a_unit": "must be left; the server shows",
    "forgets_an_order": "was acknowledged and is in the history 0 times",
    "overcharges": "the history says",
    "sends_other_units": "has other lines in the history",
    "shows_a_strangers_order": "has an order 'a stranger' that they never sent",
    "gives_another_id": "is in the history under another id",
    "lies_where_it_stands": "; the history says delivered",
    "finds_another_return": "came back in other parts than the history says",
    "forgets_a_return": "came back in other parts than the history says",
    "refuses_to_ship": "ship was answered 409 (invalid_transition)",
}
LIES_TO_WHO_ASKS_TWICE = {
    "forgets_keys": "was placed 2 times under one key",
    "calls_a_repeat_new": "was carried out 2 times, not repeated",
    "denies_orders": "was both placed and refused",
    "returns_again": "return was carried out twice under one key",
}


@pytest.mark.parametrize(
    ("lie", "fault", "retry"),
    [
        *((lie, fault, "0") for lie, fault in LIES.items()),
        *((lie, fault, "1") for lie, fault in LIES_TO_WHO_ASKS_TWICE.items()),
    ],
)
def test_the_replay_detects_a_server_with_wrong_answers(
    shop: Server,
    nowhere: Path,
    capsys: pytest.CaptureFixture[str],
    lie: str,
    fault: str,
    retry: str,
) -> None:
    with falsifying_proxy.lying(shop.port, getattr(falsifying_proxy, lie)) as url:
        assert _replay(url, nowhere, "--retry", retry, "--scarce", "2") == 1
    assert fault in capsys.readouterr().out


def test_the_replay_reports_no_error_without_wrong_answers(
    shop: Server, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with falsifying_proxy.lying(shop.port, falsifying_proxy.no_lie) as url:
        assert _replay(url, nowhere, "--retry", "1", "--scarce", "1") == 0
    assert "not checked" in capsys.readouterr().out


def test_a_replay_without_placed_orders_fails(
    shop: Server, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"http://127.0.0.1:{shop.port}"
    assert _replay(url, nowhere, "--scarce", "0") == 1
    assert "Nothing was placed." in capsys.readouterr().out


def test_a_replay_without_a_server_prints_one_line_of_instructions(nowhere: Path) -> None:
    with pytest.raises(LauncherError, match="start one with `make run`"):
        _replay("http://127.0.0.1:1", nowhere)
