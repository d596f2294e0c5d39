"""CPU that requests without credentials cost a server, by operation and body: the dearest ones that
are known, beside a plain one that is refused too.

`python -m benchmarks.anonymous [--times 200]` starts a PostgreSQL and a server of one process.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from benchmarks import processes, servers
from benchmarks.installation import environment_of, run, running_cluster
from benchmarks.servers import Server, Size
from tools.terminal import say

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
LABELS = "ada@" + ".".join(["\u00fc"] * 122)[:240] + ".de"
EIGHT_LABELS = "ada@" + ".".join(["\u00fc" * 20] * 8) + ".de"
MARKS = "a" + "\u0323\u0307" * 70
NULS = "[" + ",".join(['"\\u0000"'] * 1_700) + "]"
UNKNOWN = ",".join(f'"{number}":0' for number in range(1_700))
TOKEN = f"csrfmiddlewaretoken={'a' * 32}"
FIELDS = "&".join(f"f{number}=1" for number in range(3_000))[:16_000]

V1 = {
    "auth/register": {"username": "a", "password": "1", "email": "a@example.com"},
    "auth/token": {"username": "a", "password": ""},
    "auth/token/refresh": {"refresh": "a"},
    "auth/token/revoke": {"refresh": "a"},
    "auth/password/reset": {"email": "a"},
    "auth/password/reset/confirm": {"reset_token": "a", "new_password": "1"},
}
FORMS = {
    "contract 1": "/api/token/",
    "contract 2": "/api/identity/register/",
    "contract 3": "/api/register/",
    "admin": "/admin/login/",
}


class Case(NamedTuple):
    """A request that is refused: its operation, what is dear about it, and what is sent."""

    operation: str
    body: str
    path: str
    kind: str
    raw: bytes


def cases() -> Iterator[Case]:
    """Yields the plain request of each operation, then its dear ones."""
    for name, plain in V1.items():
        path = f"/api/v1/{name}"
        yield Case(name, "plain", path, JSON, json.dumps(plain).encode())
        for field in plain:
            for what, text in (
                ("122 labels", LABELS),
                ("8 labels", EIGHT_LABELS),
                ("marks", MARKS),
            ):
                raw = json.dumps(plain | {field: text}).encode()
                yield Case(name, f"{field}: {what}", path, JSON, raw)
        yield Case(name, "1,700 NULs", path, JSON, f'{{"x":{NULS}}}'.encode())
        yield Case(name, "1,700 unknown fields", path, JSON, f"{{{UNKNOWN}}}".encode())
        yield Case(name, "brackets", path, JSON, b"[" * 16_000)
    for name, path in FORMS.items():
        yield Case(name, "plain", path, FORM, f"{TOKEN}&username=a".encode())
        yield Case(name, "3,000 fields", path, FORM, f"{TOKEN}&{FIELDS}".encode())
        yield Case(
            name, "122 labels", path, FORM, f"{TOKEN}&username=a&email={quote(LABELS)}".encode()
        )


def measure(server: Server, case: Case, times: int) -> tuple[int, float]:
    """Returns the status, and the milliseconds of CPU of the server for a request."""
    headers = {"Content-Type": case.kind, "X-Forwarded-Proto": "https"}
    headers |= {"Cookie": f"csrftoken={'a' * 32}", "Origin": f"https://127.0.0.1:{server.port}"}
    status = servers.ask(server.port, "POST", case.path, headers, case.raw).status
    before = processes.cpu_seconds(server.pid)
    for number in range(times):
        own = headers | {"X-Forwarded-For": f"198.51.{number % 256}.7"}
        servers.ask(server.port, "POST", case.path, own, case.raw)
    return status, (processes.cpu_seconds(server.pid) - before) / times * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--times", type=int, default=200)
    times = parser.parse_args().times
    size = Size(workers=1, threads=8)
    with tempfile.TemporaryDirectory() as folder, running_cluster(Path(folder)) as cluster:
        environment = environment_of(cluster, size) | {"COMPAT": "0,1,2,3,4", "RATE_LIMITS": "wide"}
        environment |= {"REGISTRATION": os.environ.get("REGISTRATION", "open")}
        environment |= {"EMAIL_URL": "smtp://127.0.0.1:1", "DEFAULT_FROM_EMAIL": "a@example.com"}
        run([sys.executable, "manage.py", "prepare"], environment)
        with servers.serve(servers.LARDER, size, environment, Path(folder) / "log") as server:
            plain = 0.0
            for case in cases():
                status, took = measure(server, case, times)
                plain = took if case.body == "plain" else plain
                more = took - plain
                say(f"| {case.operation} | {case.body} | {status} | {took:.1f} | {more:+.1f} |")


if __name__ == "__main__":
    main()
