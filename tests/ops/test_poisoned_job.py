"""The statements of the runbook for a job that ends its worker each time."""

import re
from pathlib import Path

import pytest

from larder.db import database
from tests.ops.job_worker import add_job, run_waiting_jobs
from tests.server import ROOT

PAGE = ROOT / "docs" / "operate" / "alerts.md"


def statements() -> list[str]:
    """Returns those that find the job, stop it and start it again."""
    section = (
        PAGE.read_text().partition("### A job that ends the worker\n")[2].partition("\n## ")[0]
    )
    return re.findall(r"^```sql\n(.*?);\n```", section, re.MULTILINE | re.DOTALL)


@pytest.mark.system
def test_a_job_that_ends_the_worker_is_found_stopped_and_started_again(
    transactional_db: None, tmp_path: Path
) -> None:
    add_job("check_invariants", "doing")
    job = add_job("check_invariants", "doing", attempts=3)
    find, stop, start = (query.replace("42", str(job)) for query in statements())

    def status() -> str:
        rows = database.rows("SELECT status FROM procrastinate_jobs WHERE id = %s", [job])
        return str(rows[0][0])

    assert database.rows(find)[0][:3] == (job, "larder.ops.tasks.check_invariants", "doing")
    database.rows(stop)
    assert status() == "failed"
    run_waiting_jobs(tmp_path / "before")
    assert status() == "failed"

    database.rows(start)
    assert status() == "todo"
    run_waiting_jobs(tmp_path / "after")
    assert status() == "succeeded"
