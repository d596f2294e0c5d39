"""No secret is in a log line or an answer, however requests fail."""

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from time import monotonic, sleep

import pytest

from larder.local.postgresql import Cluster
from tests.server import Reply, Server
from tests.system.faults.conftest import ROOT
from tests.system.faults.planted_secrets import (
    Client,
    environment,
    found_in,
    lines_of,
    marker,
    receiving,
    secrets_of,
    texts_of,
)

pytestmark = pytest.mark.timeout(240)
_numbers = count(1)


def serving(cluster: Cluster, log: Path, defect: str = "") -> Server:
    application = (
        "tests.system.faults.failing_log_in_app:application"
        if defect
        else "larder.config.asgi:application"
    )
    variables = environment(cluster) | {"DEFECT": defect}
    return Server(workers=1, environment=variables, application=application, errors=log)


def customer(server: Server) -> Client:
    return Client(server, f"planted {next(_numbers)}")


def assert_kept(
    cluster: Cluster, replies: list[Reply], logs: list[Path], handed_out: set[str]
) -> None:
    """No answer and no log has it."""
    texts = [texts_of(reply) for reply in replies if reply.status >= 400]
    assert texts, "nothing failed"
    for log in (*logs, cluster.log.path):
        texts += lines_of(log)
    assert found_in(texts, secrets_of(cluster) | handed_out) == []


def test_reports_of_refusals_have_no_secrets(cluster: Cluster, tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    with serving(cluster, log) as server:
        client = customer(server)
        handed_out = client.enter()
        replies = list(client.fail())
    assert {reply.status for reply in replies} <= {200, 400, 401, 403, 404, 409, 415, 429}
    assert_kept(cluster, replies, [log], handed_out)
    assert '"status":401' in log.read_text()


def test_reports_of_server_errors_have_no_secrets(cluster: Cluster, tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    with serving(cluster, tmp_path / "first.log") as server:
        client = customer(server)
        handed_out = client.enter()
    with receiving() as reports:
        with serving(cluster, log, defect="everywhere") as server:
            client.server = server
            replies = list(client.work())
            deadline = monotonic() + 60
            while len(reports) < 5 and monotonic() < deadline:
                sleep(0.1)
        received = list(reports)
    assert sum("a defect" in report for report in received) >= 5
    texts = [("an error report", report) for report in received]
    own_name = {marker("sentry")}
    assert found_in(texts, (secrets_of(cluster) | handed_out) - own_name) == []
    assert [reply.status for reply in replies].count(500) >= 5
    assert log.read_text().count("a defect") >= 5
    assert_kept(cluster, replies, [log], handed_out)


@pytest.fixture
def worker_log(cluster: Cluster, tmp_path: Path) -> Iterator[Path]:
    """Of a worker that runs meanwhile."""
    command = [sys.executable, "manage.py", "worker"]
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment(cluster), stdout=output, stderr=output
        )
    yield log
    process.kill()
    process.wait()


def test_answers_during_an_outage_do_not_reveal_the_database_address(
    cluster: Cluster, worker_log: Path, tmp_path: Path
) -> None:
    log = tmp_path / "server.log"
    with serving(cluster, log) as server:
        client = customer(server)
        handed_out = client.enter()
        cluster.stop()
        replies = [*client.work(), server.call("GET", "/readyz")]
        sleep(2)
    assert [reply.status for reply in replies].count(503) >= 5
    assert_kept(cluster, replies, [log, worker_log], handed_out)


def test_a_command_without_a_database_does_not_print_its_password(cluster: Cluster) -> None:
    variables = os.environ | environment(cluster)
    cluster.stop()
    done = subprocess.run(
        [sys.executable, "manage.py", "prepare"],
        check=False,
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert found_in([("prepare", done.stdout + done.stderr)], secrets_of(cluster)) == []
