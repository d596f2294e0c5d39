"""The servers that are measured, each started as `make run` and the images start Larder's."""

from __future__ import annotations

import http.client
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.traffic import HOST, PROXIED
from larder.ops.serve import COUNTS
from tools.errors import LauncherError
from tools.kept import Kept
from tools.ports import free_port
from tools.run.settings import Settings
from tools.run.supervisor import server_command

LARDER = "config.asgi:application"
BARE_DJANGO = "benchmarks.bare_django:application"
READY_SECONDS = 60.0
SHOWN_LINES = 15


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its port, the process id of the root of its tree, and how many seconds
    passed from its start to its first answer."""

    port: int
    pid: int
    started_in: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Size:
    """Worker processes, and threads in each."""

    workers: int
    threads: int


@contextmanager
def serve(
    application: str, size: Size, environment: Mapping[str, str], log: Path
) -> Iterator[Server]:
    """Runs an application on a free port until the block ends.

    Raises LauncherError, with the end of the log, if it does not come up.
    """
    settings = Settings(HOST, free_port(), Path(), size.workers, size.threads, None)
    own = {} if application == LARDER else {LARDER: application, "asginl": "wsgi"}
    command = [own.get(part, part) for part in server_command(settings)]
    if own:
        command += ["--blocking-threads", str(size.threads)]
    with running(command, settings.port, environment, log) as server:
        yield server


@contextmanager
def running(
    command: Sequence[str],
    port: int,
    environment: Mapping[str, str],
    log: Path,
    folder: Path | None = None,
) -> Iterator[Server]:
    """Runs a server's command line, in `folder` if not here, until the block ends.

    Raises LauncherError, with the end of the log, if nothing answers at the port.
    """
    began, counts = time.monotonic(), log.with_suffix(".counts")
    shutil.rmtree(counts, ignore_errors=True)
    counts.mkdir()
    own = {**environment, COUNTS: str(counts)}
    with (
        log.open("wb") as output,
        Kept(command, environment=own, output=output, folder=folder) as kept,
    ):
        _wait(port, kept, log)
        yield Server(port, kept.pid, time.monotonic() - began)


def _wait(port: int, kept: Kept, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and kept.status is None:
        try:
            if get(port, "/livez").status < 500:
                return
        except OSError:
            time.sleep(0.01)
    end = "\n".join(log.read_text(errors="replace").splitlines()[-SHOWN_LINES:])
    raise LauncherError(f"The server did not come up. The end of its log:\n{end}")


def get(port: int, path: str, token: str = "") -> Answer:
    """Sends one request on a new connection. Raises OSError when there is no answer."""
    headers = PROXIED | ({"Authorization": f"Bearer {token}"} if token else {})
    return ask(port, "GET", path, headers)


def ask(
    port: int, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
) -> Answer:
    """Sends one request on a new connection. Raises OSError when there is no answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return Answer(answer.status, answer.read())
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
