"""One correlation id from a request to its jobs, their log lines and their statements."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from django.db import connection
from django.test import Client
from procrastinate.contrib.django import app

from larder.core.ids import CORRELATION_ID
from larder.db import database
from larder.db.postgresql.comments import tag_statements
from tests.database import superuser_url
from tests.ops.job_worker import add_job, defer_job, job_worker, run_waiting_jobs


@pytest.fixture
def asked_as() -> Iterator[str]:
    """The id of a request that is going on in this thread."""
    before = CORRELATION_ID.set(uuid4().hex)
    yield str(CORRELATION_ID.get())
    CORRELATION_ID.reset(before)


@pytest.mark.system
def test_log_lines_of_a_job_have_the_id_of_its_request(
    transactional_db: None, asked_as: str, tmp_path: Path
) -> None:
    defer_job("check_invariants")
    CORRELATION_ID.set(None)
    answers = _lines_of_invariants(tmp_path / "wanted")
    assert asked_as in answers
    # And a periodic one has a new id.
    add_job("check_invariants", "todo")
    (own,) = _lines_of_invariants(tmp_path / "unwanted")[:1]
    assert len(own) == 32
    assert own != asked_as


def _lines_of_invariants(log: Path) -> list[str]:
    lines = run_waiting_jobs(log)
    return [line["correlation_id"] for line in lines if "invariants hold" in line["event"]]


def test_the_id_of_a_request_is_forgotten_when_it_ends(client: Client) -> None:
    assert len(client.get("/api/v1/unknown").headers["Correlation-ID"]) == 32
    assert CORRELATION_ID.get() is None


def test_all_jobs_of_a_batch_have_the_correlation_id(transactional_db: None, asked_as: str) -> None:
    task = app.configure_task("tests.of_any_kind")
    task.batch_defer({"timestamp": 1}, {"timestamp": 2})
    carried = database.rows("SELECT args->>'_correlation_id' FROM procrastinate_jobs")
    assert carried == [(asked_as,), (asked_as,)]


@contextmanager
def locked(table: str) -> Iterator[Callable[[str], list[str]]]:
    """Locks a table in this block; returns the waiting statements that have a text."""
    with psycopg.connect(superuser_url()) as holder, psycopg.connect(superuser_url()) as other:
        other.autocommit = True
        holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        asked = (
            # Tests that run beside this one have separate databases.
            "SELECT query FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND query LIKE %s"
        )
        yield lambda text: [q for (q,) in other.execute(asked, [f"%{text}%"]).fetchall()]
        holder.rollback()


def _eventually_some(look: Callable[[], list[str]]) -> list[str]:
    found = list[str]()
    for _ in range(400):
        found = look()
        if found:
            break
        threading.Event().wait(0.05)
    return found


@pytest.mark.system
def test_pg_stat_activity_shows_the_id_of_a_jobs_statement(
    transactional_db: None, asked_as: str, tmp_path: Path
) -> None:
    defer_job("delete_ended_log_ins")
    CORRELATION_ID.set(None)
    with locked("django_session") as waiting, job_worker(tmp_path / "log"):
        (statement,) = _eventually_some(lambda: waiting(asked_as))
    assert statement.startswith("DELETE")
    assert statement.endswith(f"/*correlation_id='{asked_as}'*/")


def test_a_statement_of_an_app_has_the_same_text_for_every_request(db: None, asked_as: str) -> None:
    def text() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_query()")
            return str(cursor.fetchone()[0])

    assert asked_as not in text()
    with tag_statements():
        assert text().endswith(f"/*correlation_id='{asked_as}'*/")
    CORRELATION_ID.set(None)
    with tag_statements():
        assert "correlation_id" not in text()
