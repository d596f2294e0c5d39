"""One PostgreSQL in one folder.

data/lock              held while a launcher has the cluster
data/passwords.json    of the three roles
data/postgresql.log
data/server/cluster/   PostgreSQL's data directory
data/server/socket     a link to the folder of its Unix socket, while it runs
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from larder.local import programs
from larder.local.folders import FolderLock, open_folder, sync, write_private
from larder.local.processes import Kept, LogFile
from larder.local.terminal import LauncherError
from larder.local.unprivileged import become_owner, hand_over, owner

SETTINGS = Path(__file__).with_name("postgresql.conf").read_text()
COMMON = dict(re.findall(r"^(\w+) = '(.*)'$", SETTINGS, re.MULTILINE))
FAST = dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off")
STOP_STEPS = (("INT", 20.0), ("QUIT", 5.0))
ORPHAN_STEPS = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
LOCK_SECONDS = 5.0
"""A run that has been told to end needs some."""
WAIT_SECONDS = 600.0
"""Recovery after a crash replays up to max_wal_size."""
POLL_SECONDS = 0.02
SHOWN_LINES = 200


class Cluster:
    """A PostgreSQL that lives no longer than this process.

    `durable=False` trades safety in a crash for speed, for tests. `settings` are PostgreSQL's
    own and win over ours. Every failure is a LauncherError of one line.
    """

    def __init__(
        self, data: Path, *, durable: bool = True, settings: Mapping[str, str] | None = None
    ) -> None:
        self.data = data.absolute()
        self._durable = durable
        self._settings = COMMON | ({} if durable else FAST) | dict(settings or {})
        self.lock = FolderLock(self.data / "lock")
        self.log = LogFile(self.data / "postgresql.log")
        self._server: Kept | None = None
        self._socket: Path | None = None

    def start(self) -> None:
        """Start the server, making it first if need be; return when it takes connections."""
        if self.running:
            return
        self.stop()
        programs.folder()
        open_folder(self.data)
        if not self.lock.acquire(timeout=LOCK_SECONDS):
            raise LauncherError(
                f"The data folder {self.data} is in use by process {self.lock.path.read_text()}: "
                "stop it, or choose another folder with DATA=."
            )
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        server = self._server_folder
        server.mkdir(mode=0o700, exist_ok=True)
        hand_over(server)
        end_orphans(self._cluster)
        if not self.exists:
            self._initialise()
        check_version(self._cluster)
        self.log.begin()
        arguments = [f"--{name}={value}" for name, value in self._settings.items()]
        with self.log.path.open("ab") as output:
            self._server = Kept(
                [programs.program("postgres"), "-D", self._cluster, *arguments, self._listen()],
                STOP_STEPS,
                become=become_owner,
                environment=programs.environment(),
                output=output,
            )
        self._wait_until_ready()
        self._make_database()

    def _initialise(self) -> None:
        """Make the data directory; it appears under its name only when it is complete."""
        roles = ("postgres", "larder_owner", "larder_app")
        made = {role: secrets.token_urlsafe(24) for role in roles}
        write_private(self.data / "passwords.json", json.dumps(made, indent=1) + "\n")
        server = self._server_folder
        draft, secret = server / "cluster.new", server / "password"
        shutil.rmtree(draft, ignore_errors=True)
        write_private(secret, made["postgres"])
        os.chown(secret, *owner())
        programs.run(
            "initdb",
            *(f"--pgdata={draft}", f"--pwfile={secret}", "--username=postgres"),
            *("--auth=scram-sha-256", "--locale=C.UTF-8", "--encoding=UTF8", "--no-instructions"),
            *([] if self._durable else ["--no-sync"]),
        )
        secret.unlink()
        draft.rename(self._cluster)
        sync(server)

    def _listen(self) -> str:
        """Make the socket's folder, whose path is short, and return PostgreSQL's setting. It is the
        same at each start: who uses the database has its address."""
        if self._socket is None:
            self._socket = Path(tempfile.mkdtemp(prefix="larder-"))
        else:
            self._socket.mkdir(mode=0o700)
        os.chown(self._socket, *owner())
        link = self._server_folder / "socket"
        link.unlink(missing_ok=True)
        link.symlink_to(self._socket)
        return f"--unix_socket_directories={self._socket}"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while self._server is not None:
            if self._server.status is not None:
                raise LauncherError(f"PostgreSQL did not start: {self._complaint()}")
            try:
                psycopg.connect(self.superuser_url(), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if "authentication failed" in str(error):
                    raise LauncherError(
                        f"PostgreSQL refuses the password in {self.data / 'passwords.json'}: "
                        "restore the file that the data were made with."
                    ) from None
            else:
                return
            if time.monotonic() > deadline:
                raise LauncherError(f"PostgreSQL does not answer: {self._complaint()}")
            time.sleep(POLL_SECONDS)

    def _complaint(self) -> str:
        lines = self.log.tail(SHOWN_LINES) or ["it printed nothing"]
        fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
        return f"{(fatal or lines)[-1].strip()} (log: {self.log.path})"

    def _make_database(self) -> None:
        """Make role `larder_owner` and database `larder` unless they are there."""
        try:
            with psycopg.connect(self.superuser_url(), autocommit=True) as connection:
                if connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = 'larder'"
                ).fetchone():
                    return
                # Its verifier: PostgreSQL may log the statement.
                verifier = connection.pgconn.encrypt_password(
                    self._password("larder_owner").encode(), b"larder_owner", b"scram-sha-256"
                ).decode()
                connection.execute("DROP ROLE IF EXISTS larder_owner")
                role = "CREATE ROLE larder_owner LOGIN CREATEDB CREATEROLE PASSWORD {}"
                connection.execute(sql.SQL(role).format(verifier))
                connection.execute("CREATE DATABASE larder OWNER larder_owner")
        except psycopg.Error as error:
            raise LauncherError(
                f"There is no database: {str(error).strip().partition(chr(10))[0]}"
            ) from None

    def stop(self) -> None:
        """Shut the server down (fast: open transactions are rolled back) and let the folder go."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._socket is not None and self._socket.exists():
            shutil.rmtree(self._socket, ignore_errors=True)
            (self._server_folder / "socket").unlink(missing_ok=True)
        self.lock.release()

    @property
    def running(self) -> bool:
        """Whether the server that start() started is still there."""
        return self._server is not None and self._server.status is None

    @property
    def exists(self) -> bool:
        """Whether the cluster has been made."""
        return (self._cluster / "PG_VERSION").exists()

    def superuser_url(self, database: str = "postgres") -> str:
        """Return the address for role `postgres`."""
        return self._url("postgres", database)

    def owner_url(self, database: str = "larder") -> str:
        """Return the address for `larder_owner`, who owns the tables and may make databases."""
        return self._url("larder_owner", database)

    def app_url(self, database: str = "larder") -> str:
        """Return the address for `larder_app`, a role that `manage.py prepare` makes."""
        return self._url("larder_app", database)

    @property
    def addresses(self) -> dict[str, str]:
        """The variables of the environment that name the database, and find psql."""
        path = os.pathsep.join([str(programs.folder()), os.environ.get("PATH", os.defpath)])
        urls = {"DATABASE_URL": self.app_url(), "OWNER_DATABASE_URL": self.owner_url()}
        return {**urls, "PATH": path}

    def _url(self, role: str, database: str) -> str:
        host = quote(str((self._server_folder / "socket").resolve()), safe="")
        return f"postgresql://{role}:{self._password(role)}@/{database}?host={host}&port=5432"

    def _password(self, role: str) -> str:
        path = self.data / "passwords.json"
        try:
            return str(json.loads(path.read_text())[role])
        except (OSError, ValueError, KeyError) as error:
            raise LauncherError(f"Restore {path} from a copy, it cannot be read: {error}") from None

    @property
    def _server_folder(self) -> Path:
        return self.data.resolve() / "server"

    @property
    def _cluster(self) -> Path:
        return self._server_folder / "cluster"

    def __enter__(self) -> Cluster:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def check_version(cluster: Path) -> None:
    """Refuse data that another major version wrote."""
    found, here = (cluster / "PG_VERSION").read_text().strip(), programs.version().split(".")[0]
    if found != here:
        raise LauncherError(
            f"The data in {cluster} were written by PostgreSQL {found}, and this is PostgreSQL "
            f"{here}. Run `larder backup` with the former version of Larder, move the folder away, "
            "and `larder restore` with this one: see docs/operate/upgrade.md."
        )


def end_orphans(cluster: Path) -> None:
    """End what a killed launcher left of PostgreSQL, and remove its stale postmaster.pid.

    It is not adopted: its settings would not be ours. PostgreSQL itself only asks whether the
    recorded process exists, which by now may be another program. The caller holds the lock.
    """
    for number, seconds in ORPHAN_STEPS:
        for pid in processes_of(cluster):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while processes_of(cluster) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def processes_of(cluster: Path) -> list[int]:
    """Return the PostgreSQL processes that work in this data directory; none where there is no
    /proc."""
    return [
        int(folder.name) for folder in Path("/proc").glob("[0-9]*") if works_in(cluster, folder)
    ]


def works_in(cluster: Path, folder: Path) -> bool:
    """Say whether a folder of /proc is that of a PostgreSQL process of the data directory."""
    try:
        name = (folder / "comm").read_text().strip()
        return name == "postgres" and (folder / "cwd").readlink() == cluster
    except OSError:
        return False


@contextmanager
def database(data: Path) -> Iterator[dict[str, str]]:
    """Yield the environment with the database of a data folder, and the folder of psql. A cluster
    that runs already is joined, else it is started meanwhile. Where DATABASE_URL is set, that
    database is meant, and not a folder's."""
    cluster = Cluster(data)
    outside = os.environ.get("DATABASE_URL")
    with nullcontext() if outside or cluster.lock.held else cluster:
        yield os.environ | ({} if outside else cluster.addresses)
