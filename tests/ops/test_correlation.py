"""One correlation id from a request to its jobs and their log lines."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from procrastinate.contrib.django import app

from larder.core.ids import CORRELATION_ID
from larder.db import database
from tests.ops.job_worker import add_job, defer_job, run_waiting_jobs


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


def test_all_jobs_of_a_batch_have_the_correlation_id(transactional_db: None, asked_as: str) -> None:
    task = app.configure_task("tests.of_any_kind")
    task.batch_defer({"timestamp": 1}, {"timestamp": 2})
    carried = database.rows("SELECT args->>'_correlation_id' FROM procrastinate_jobs")
    assert carried == [(asked_as,), (asked_as,)]
