"""A toy project in place of Larder for the supervisor."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.processes import wait_until

CHECKOUT = Path(__file__).resolve().parents[2]

SETTINGS = """
INSTALLED_APPS = ["toy"]
SECRET_KEY = "toy"
"""

PREPARE = """
import os, psycopg
from django.core.management import BaseCommand
class Command(BaseCommand):
    def add_arguments(self, parser): parser.add_argument("--only")
    def handle(self, *args, **options):
        print("preparing", flush=True)
        with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS t ()")
"""

WORKER = """
import os, time
from pathlib import Path
from django.core.management import BaseCommand
class Command(BaseCommand):
    def handle(self, *args, **options):
        Path("worker.pid").write_text(str(os.getpid()))
        while True:
            time.sleep(1)
"""

ASGI = """
import json, os, pathlib
async def application(scope, receive, send):
    alive = pathlib.Path("worker.pid").exists()
    seen = {name: os.environ[name] for name in ("DEMO", "SECRET_KEY", "DATABASE_URL")}
    body = {"worker": {"alive": alive}, "pid": os.getpid(), "seen": seen}
    content = json.dumps(body).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": content})
"""


@dataclass
class Toy:
    """A separate checkout, with the launcher and next to nothing to serve."""

    folder: Path

    @contextmanager
    def start(self, port: int, **variables: str) -> Iterator[subprocess.Popen[str]]:
        """Run the supervisor in a separate process group; killed at the end if need be."""
        process = subprocess.Popen(
            [sys.executable, "-m", "larder.local"],
            cwd=self.folder,
            env={
                "PATH": "/usr/bin:/bin",
                "DATA": ".data",
                "PORT": str(port),
                "WORKERS": "1",
                **variables,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def processes(self) -> list[int]:
        """Return every process that works for this checkout: they live in it."""
        return [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and lives_below(entry, self.folder)
        ]


def lives_below(entry: Path, folder: Path) -> bool:
    """Say whether the working folder of a /proc entry is the folder or below it."""
    try:
        return (entry / "cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


def make_toy(folder: Path) -> Toy:
    """Lay out the toy checkout."""
    ours = (
        *("__init__.py", "ops/__init__.py", "ops/serve.py"),
        *("ops/serving/__init__.py", "ops/serving/granian_server.py"),
        *(f"local/{file.name}" for file in (CHECKOUT / "larder" / "local").glob("*.*")),
    )
    files = {f"larder/{name}": (CHECKOUT / "larder" / name).read_text() for name in ours} | {
        "larder/config/settings.py": SETTINGS,
        "larder/config/asgi.py": ASGI,
        "toy/management/commands/prepare.py": PREPARE,
        "toy/management/commands/worker.py": WORKER,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Toy(folder)


def ready(port: int) -> dict[str, Any]:
    """Wait until the toy answers and return what it says."""
    answers: list[dict[str, Any]] = []

    def answered() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            answers.append(json.loads(connection.getresponse().read()))
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return True

    assert wait_until(answered, 60)
    return answers[-1]


def kill(pids: list[int], number: int) -> None:
    """Send a signal to processes of the toy; some may be gone already."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
