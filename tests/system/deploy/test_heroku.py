"""The processes for Heroku are started by a process manager.

The PostgreSQL here is built without TLS, so the tests show only that nothing connects without it.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import randint
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import psycopg
import pytest

from larder.ops import roles
from larder.ops.jobs import worker
from tools.local_postgres import temporary_cluster
from tools.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
HONCHO = Path(sys.executable).with_name("honcho")
APP = json.loads((ROOT / "app.json").read_text())
CONNECTIONS = {"standard-0": 120}
"""Of each plan that has what Larder asks of PostgreSQL. Those of the Essential tier, which are
Aurora's, have not: `pg_current_wal_lsn()` needs `wal_level` logical there."""
ADMIN = {"DJANGO_SUPERUSER_USERNAME": "ada", "DJANGO_SUPERUSER_PASSWORD": r'a "rather" good\one'}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """An empty database's address in the form that Heroku gives it; there is one role for all."""
    address = f"127.{randint(1, 254)}.{randint(1, 254)}.{randint(2, 254)}"  # noqa: S311
    with temporary_cluster(settings={"listen_addresses": address}) as cluster:
        rules = (cluster.data / "server").resolve() / "cluster" / "pg_hba.conf"
        with rules.open("a") as file:
            file.write(f"host all all {address}/32 scram-sha-256\n")
        with psycopg.connect(cluster.superuser_url(), autocommit=True) as superuser:
            superuser.execute("SELECT pg_reload_conf()")
        role = urlsplit(cluster.owner_url())
        yield f"postgres://{role.username}:{role.password}@{address}:5432/larder"


def settings(url: str) -> dict[str, str]:
    """The environment of a dyno: what app.json says, and what the installer must enter."""
    reported = {name: one["value"] for name, one in APP["env"].items() if "value" in one}
    asked = {name for name, one in APP["env"].items() if one.get("required")}
    host = "127.0.0.1"
    answers = {
        "ALLOWED_HOSTS": host,
        "PUBLIC_URL": f"https://{host}",
        "CSRF_TRUSTED_ORIGINS": f"https://{host}",
    }
    assert asked == set(answers)
    secret = {"SECRET_KEY": "0123456789abcdef" * 4, "DATABASE_URL": url}
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    # Here the router is this machine.
    return reported | answers | secret | {"PATH": path, "TRUSTED_PROXIES": "127.0.0.1/32"}


@contextmanager
def started(environment: dict[str, str], *processes: str, port: int) -> Iterator[None]:
    """The processes of the Procfile, as the dynos of a formation; TERM ends them in order."""
    command = [str(HONCHO), "start", "--port", str(port), *processes]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as running:
        try:
            yield
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(60)


def ready(port: int) -> dict[str, Any]:
    """What the router's first request is answered, once it is."""
    deadline = monotonic() + 120
    request = Request(f"http://127.0.0.1:{port}/readyz", headers={"X-Forwarded-Proto": "https"})
    while True:
        try:
            with urlopen(request, timeout=5) as answer:  # noqa: S310
                body: dict[str, Any] = json.load(answer)
                if body["worker"]["alive"]:
                    return body
        except OSError:
            pass
        assert monotonic() < deadline, "the web dyno does not answer, or the worker does not beat"
        sleep(0.2)


def test_the_steps_of_the_page_lead_to_a_first_order(database: str) -> None:
    """The steps of docs/how-to/deploy/heroku.md after `git push`."""
    environment, port = settings(database), free_port()
    release = [str(HONCHO), "start", "release"]
    refused = subprocess.run(
        release, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert refused.returncode != 0
    assert "server does not support SSL, but SSL was required" in refused.stdout
    environment["PGSSLMODE"] = "disable"
    subprocess.run(release, cwd=ROOT, env=environment, check=True)
    admin = [sys.executable, "manage.py", "createsuperuser", "--no-input"]
    subprocess.run(admin, cwd=ROOT, env=environment | ADMIN, check=True)
    # The first process that honcho starts gets the port itself, the second a hundred more.
    with started(environment, "web", "worker", port=port):
        assert ready(port)["ready"]
        first, again = first_order(port), first_order(port)
        assert first["order"]["status"] == "placed"
        assert first["order"]["id"] == again["order"]["id"]
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM orders.order_event").fetchone() == (1,)


def first_order(port: int) -> dict[str, Any]:
    """What deploy/first_order.sh prints, by name."""
    variables = {
        "SHOP": f"http://127.0.0.1:{port}",
        "STAFF": ADMIN["DJANGO_SUPERUSER_USERNAME"],
        "PASSWORD": ADMIN["DJANGO_SUPERUSER_PASSWORD"],
        # The router says how the request came.
        "CURL_OPTIONS": "--header X-Forwarded-Proto:https",
    }
    done = subprocess.run(
        ["sh", "deploy/first_order.sh"],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = (line.split(maxsplit=1) for line in done.stdout.splitlines())
    return {name: json.loads(body) for name, body in lines}


def test_the_plan_has_connections_for_two_versions_of_the_app() -> None:
    """With preboot both run for some minutes, and the release phase prepares while one does."""
    (addon,) = APP["addons"]
    plan = addon["plan"].partition(":")[2]
    page = (ROOT / "docs/how-to/deploy/heroku.md").read_text()
    assert f"heroku addons:create heroku-postgresql:{plan} --wait" in page
    reported = {name: one.get("value") for name, one in APP["env"].items()}
    pool = int(reported["DB_POOL_SIZE"])
    web = int(reported["WORKERS"]) * pool
    jobs = worker.Connector().get_worker_connector()._pool_args["max_size"]
    assert 2 * (web + pool + jobs) + 2 <= CONNECTIONS[plan]
    assert f"`WORKERS` × `DB_POOL_SIZE` ({web}), a worker `DB_POOL_SIZE` and {jobs} (" in page
    assert f"({pool + jobs}), `prepare` 2" in page


def test_the_single_role_has_the_limits_of_the_servers_role() -> None:
    words = APP["env"]["DATABASE_LIMITS"]["value"].split()
    named = dict(word.split("=") for word in words if word != "-c")
    assert named == roles.time_limits(170_000) | roles.PLANNING


def test_every_setting_exists() -> None:
    example = (ROOT / ".env.example").read_text()
    own = {"PGSSLMODE", "DATABASE_LIMITS"}
    assert [name for name in APP["env"] if name not in own and f"{name}=" not in example] == []
