"""A PgBouncer in transaction mode before a PostgreSQL, for tests and attacks."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from larder.local.terminal import LauncherError
from tools.processes import free_port, listens, wait_until
from tools.wire import HOST, Wire

PROGRAM = "pgbouncer"
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
START_SECONDS = 60.0


def program() -> str | None:
    """The path of PgBouncer; None if it is not installed."""
    return shutil.which(PROGRAM, path=PATH)


@contextmanager
def bouncer(database: str) -> Iterator[str]:
    """Starts one before the database; gives the URL for its clients. Raises LauncherError."""
    # PgBouncer's user may not reach the folder of PostgreSQL's socket; this process does.
    with Wire(database) as wire, tempfile.TemporaryDirectory(prefix="larder-bouncer-") as folder:
        port = free_port()
        process = subprocess.Popen(
            _command(Path(folder), _settings(database, wire.port, port)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            if not wait_until(lambda: listens(port), START_SECONDS):
                raise LauncherError("PgBouncer does not listen: start it by hand to read why.")
            given = urlsplit(database)
            plain = "sslmode=disable&gssencmode=disable"
            yield f"postgresql://{given.username}@{HOST}:{port}{given.path}?{plain}"
        finally:
            process.terminate()
            process.wait(10)


def _command(folder: Path, settings: str) -> list[str]:
    found = program()
    if found is None:
        raise LauncherError("pgbouncer is missing: run apt-get install pgbouncer")
    folder.chmod(0o755)
    file = folder / "pgbouncer.ini"
    file.write_text(settings)
    file.chmod(0o644)
    as_user = ["-u", "nobody"] if os.geteuid() == 0 else []
    return [found, *as_user, str(file)]


def _settings(database: str, upstream: int, port: int) -> str:
    given = urlsplit(database)
    name, user = given.path.lstrip("/"), unquote(given.username or "")
    password = unquote(given.password or "")
    return f"""
[databases]
{name} = host={HOST} port={upstream} dbname={name} user={user} password='{password}'

[pgbouncer]
listen_addr = {HOST}
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
server_tls_sslmode = disable
default_pool_size = 20
query_wait_timeout = 2
server_connect_timeout = 2
server_login_retry = 1
log_connections = 0
log_disconnections = 0
"""
