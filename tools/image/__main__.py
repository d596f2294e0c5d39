"""python -m tools.image [--store DIR]: build the image, start it, try it."""

from __future__ import annotations

import argparse
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from tools.errors import LauncherError
from tools.image import claims
from tools.image.buildah import CHECKOUT, Buildah, Image
from tools.image.container import Container, Containers
from tools.image.rush import Rush, bearer, request
from tools.local_postgres import Cluster
from tools.local_postgres.temporary import temporary_cluster
from tools.ports import free_port
from tools.terminal import complain, say, step

NAME = "localhost/larder:try"
STORE = Path("/var/tmp/larder-image")  # noqa: S108
READY_SECONDS = 60
STOP_SECONDS = 30
"""What platforms give a container between TERM and KILL."""
RUSH_SECONDS = 3
FEWEST_ORDERS = 50


def main() -> int:
    """Build and try; failures are one line on standard error and status 1."""
    parser = argparse.ArgumentParser(prog="python -m tools.image")
    parser.add_argument(
        "--store", type=Path, default=STORE, help="of buildah; the base stays there"
    )
    options = parser.parse_args()
    try:
        buildah = Buildah(options.store)
        buildah.build(NAME, "--build-arg", f"REVISION={revision()}")
        with buildah.opened(NAME) as image:
            attempt(image)
    except LauncherError as error:
        complain(str(error))
        return 1
    return 0


def revision() -> str:
    """The commit that is built."""
    asked = ["git", "-C", str(CHECKOUT), "rev-parse", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def attempt(image: Image) -> None:
    """Everything that is claimed of the image. Raises LauncherError."""
    with tempfile.TemporaryDirectory(prefix="larder-try-") as folder, surroundings(image) as around:
        for line in claims.look(around):
            say(f"  {line}")
        with step("No migration missing, asked without a database or settings"):
            without = Containers(image, {"PYTHONWARNINGS": "ignore"}, around.sockets)
            without.run("python", "manage.py", "makemigrations", "--check", "--skip-checks")
        with step("Database prepared by the image"):
            around.run("python", "manage.py", "prepare")
        log, port = Path(folder, "server.log"), int(around.environment["PORT"])
        with (
            around.started(log) as server,
            step("Server ready, main job done, health check healthy"),
        ):
            wait_until_ready(port, server)
            smoke(port)
            around.run(*image.health[1:])
        with around.started(log) as server:
            wait_until_ready(port, server)
            rush = stopped_in_a_rush(port, server)
        with around.started(log) as server:
            wait_until_ready(port, server)
            judge(rush)
            invariants = around.run("python", "manage.py", "check_invariants")
            say(f"  {invariants.splitlines()[-1]}")
            worker_beats_and_stops(around, port, Path(folder, "worker.log"))


@contextmanager
def surroundings(image: Image) -> Iterator[Containers]:
    """A separate PostgreSQL, and the settings of a demonstration."""
    with temporary_cluster() as cluster:
        port = free_port()
        sockets = opened_sockets(cluster)
        environment = {
            "DEMO": "1",
            "REGISTRATION": "open",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "DATABASE_URL": inside(cluster.app_url()),
            "OWNER_DATABASE_URL": inside(cluster.owner_url()),
            "HOST": "127.0.0.1",
            "PORT": str(port),
        }
        yield Containers(image, environment, sockets)


def opened_sockets(cluster: Cluster) -> Path:
    """The folder of the database's socket, opened to the image's user, who needs a password."""
    folder = (cluster.data / "server" / "socket").resolve()
    folder.chmod(0o755)
    for file in folder.glob(".s.PGSQL.*"):
        if not file.name.endswith(".lock"):
            file.chmod(0o777)
    return folder


def inside(url: str) -> str:
    """A connection's address as seen in the container."""
    parts = urlsplit(url)
    return parts._replace(query=f"host={quote('/run/postgresql', safe='')}&port=5432").geturl()


def wait_until_ready(port: int, server: Container) -> None:
    """Until /readyz answers 200. Raises LauncherError with the end of the log."""
    deadline = time.monotonic() + READY_SECONDS
    while server.running and time.monotonic() < deadline:
        try:
            if request(port, "GET", "/readyz")[0].status == 200:
                return
        except (OSError, ValueError):
            pass
        time.sleep(0.1)
    raise LauncherError(f"The server did not become ready. Read its log:{server.output()}")


def smoke(port: int) -> None:
    """The customer's job, by tools/smoke.py. Raises LauncherError."""
    command = [sys.executable, "-m", "tools.smoke", f"http://127.0.0.1:{port}"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LauncherError(f"Read why the main job failed: {done.stderr.strip()}")
    say(f"  {done.stdout.strip()}")


def stopped_in_a_rush(port: int, server: Container) -> Rush:
    """TERM while sixteen customers order. Raises LauncherError if it takes too long."""
    _, tokens = request(
        *(port, "POST", "/api/v1/auth/token", '{"username": "demo", "password": "demo"}'),
        headers={"Content-Type": "application/json"},
    )
    token = tokens["access"]
    listed = "/api/v1/products?in_stock=true&limit=20"
    _, page = request(port, "GET", listed, headers=bearer(token))
    rush = Rush(port, token, [one["id"] for one in page["results"]])
    rush.start()
    time.sleep(RUSH_SECONDS)
    with step("Stopped by TERM among orders"):
        status = server.stop(STOP_SECONDS)
    rush.end()
    if status != 0:
        raise LauncherError(f"The server ended with {status}. Read its log:{server.output()}")
    return rush


def judge(rush: Rush) -> None:
    """Raises LauncherError if an order was taken and not answered, or too little was tried.

    A connection that was not accepted yet may be reset; those are few. A server that is killed
    leaves at least its customers' present requests unanswered.
    """
    placed, unanswered = rush.statuses()[201], len(rush.unanswered)
    cut_off = rush.cut_off()
    if cut_off or placed < FEWEST_ORDERS or unanswered > rush.customers // 2:
        raise LauncherError(
            f"Check how the server stops: {placed} orders were answered, {unanswered} were not; of "
            f"these {len(cut_off)} had been placed: {cut_off[:5]}"
        )
    say(f"  {placed} orders answered, {unanswered} never taken, none cut off")


def worker_beats_and_stops(around: Containers, port: int, log: Path) -> None:
    """The job worker of the same image: a server hears it, TERM ends it. Raises LauncherError."""
    with around.started(log, ["python", "manage.py", "procrastinate", "worker"]) as worker:
        deadline = time.monotonic() + READY_SECONDS
        while not request(port, "GET", "/readyz")[1]["worker"]["alive"]:
            if not worker.running or time.monotonic() > deadline:
                raise LauncherError(f"The job worker does not beat. Read its log:{worker.output()}")
            time.sleep(0.5)
        with step("Job worker beat, and was stopped by TERM"):
            status = worker.stop(STOP_SECONDS)
        if status != 0:
            raise LauncherError(
                f"The job worker ended with {status}. Read its log:{worker.output()}"
            )


if __name__ == "__main__":
    sys.exit(main())
