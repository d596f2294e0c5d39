"""One PostgreSQL in one folder.

data/lock              held while a launcher has the cluster
data/passwords.json    of the three roles
data/postgresql.log
data/server/           the server's own (a link when it had to move to a shelter)
    cluster/           PostgreSQL's data directory
    socket/            its Unix socket (a link when that path does not do)
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from tools import processes
from tools.folders import FolderLock, open_folder, sync, write_private
from tools.local_postgres import binaries, roles, settings, takeover
from tools.local_postgres.identity import Place, find_place, make_folder, remove_folder
from tools.processes import Keeping, Kept, LogFile
from tools.terminal import LauncherError

FIRST_START_MEGABYTES = 256
LATER_START_MEGABYTES = 64
STOP_STEPS = (("INT", 20.0), ("QUIT", 5.0))


class Cluster:
    """A PostgreSQL that lives no longer than this process.

    `durable=False` trades safety in a crash for speed, for tests. `settings` are PostgreSQL's
    own and win over ours. Every failure is a LauncherError of one line.
    """

    def __init__(
        self,
        data: Path,
        *,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data.absolute()
        self._durable = durable
        self._settings = dict(settings or {})
        self._lock = FolderLock(self.data / "lock")
        self._log = LogFile(self.data / "postgresql.log")
        self._server: Kept | None = None

    def start(self) -> None:
        """Start the server, making it first if need be; return when it takes connections."""
        if self.running:
            return
        self.stop()
        first = not self._initialised
        open_folder(
            self.data, free_megabytes=FIRST_START_MEGABYTES if first else LATER_START_MEGABYTES
        )
        if not self._lock.acquire(timeout=1.0):
            raise LauncherError(
                f"The data folder {self.data} is in use by process {self._lock.holder()}: stop it."
            )
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        found = binaries.find()
        place = find_place(found, self.data)
        takeover.clear(self._cluster)
        if self._initialised:
            check_version(self._cluster, found)
            keys = roles.read(self.data)
        else:
            keys = roles.read_or_make(self.data)
            initialise(place, keys.postgres, durable=self._durable)
        listening = make_folder(place)
        self._log.begin()
        with self._log.path.open("ab") as output:
            self._server = Kept(
                self._command(place, listening),
                Keeping(STOP_STEPS, place.identity.become),
                environment=environment(),
                output=output,
            )
        roles.wait_until_ready(self.superuser_url(), self._server, self._log)
        roles.ensure(self.superuser_url(), keys)

    def _command(self, place: Place, listening: Path) -> list[str | Path]:
        arguments = settings.arguments(listening, durable=self._durable, extra=self._settings)
        return [place.binaries.program("postgres"), "-D", self._cluster, *arguments]

    def stop(self) -> None:
        """Shut the server down (fast: open transactions are rolled back) and let the folder go."""
        if self._server is not None:
            self._server.close()
            self._server = None
            remove_folder((self.data / "server").resolve())
        self._lock.release()

    @property
    def running(self) -> bool:
        """Whether the server that start() started is still there."""
        return self._server is not None and self._server.status is None

    @property
    def in_use(self) -> bool:
        """Whether some launcher, here or elsewhere, has the cluster."""
        return self._lock.held

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, from its own file; None when there is none."""
        return takeover.recorded_pid(self._cluster)

    @property
    def processes(self) -> list[int]:
        """All its processes, the postmaster among them; without /proc the postmaster alone."""
        return takeover.processes_of(self._cluster)

    @property
    def log_path(self) -> Path:
        """The server's log file."""
        return self._log.path

    def superuser_url(self, database: str = "postgres") -> str:
        """Return the address for role `postgres`."""
        return self._url("postgres", roles.read(self.data).postgres, database)

    def owner_url(self, database: str = "larder") -> str:
        """Return the address for `larder_owner`, who owns the tables and may make databases."""
        return self._url("larder_owner", roles.read(self.data).larder_owner, database)

    def app_url(self, database: str = "larder") -> str:
        """Return the address for `larder_app`, a role that `manage.py prepare` makes."""
        return self._url("larder_app", roles.read(self.data).larder_app, database)

    def _url(self, role: str, password: str, database: str) -> str:
        host = quote(str((self.data / "server" / "socket").resolve()), safe="")
        return f"postgresql://{role}:{password}@/{database}?host={host}&port=5432"

    @property
    def _cluster(self) -> Path:
        return (self.data / "server").resolve() / "cluster"

    @property
    def _initialised(self) -> bool:
        return (self._cluster / "PG_VERSION").exists()

    def __enter__(self) -> Cluster:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def environment() -> dict[str, str]:
    """Return the little that PostgreSQL's programs need, so that PG* variables do not leak in."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def check_version(cluster: Path, programs: binaries.Binaries) -> None:
    """Refuse data that another major version wrote."""
    found = (cluster / "PG_VERSION").read_text().strip()
    here = programs.version().partition(".")[0]
    if found != here:
        raise LauncherError(
            f"The data in {cluster} were written by PostgreSQL {found}, and this is PostgreSQL "
            f"{here}. Run `make backup` with the former version of Larder, move the "
            "folder away, and run `make restore` with this one: see "
            "docs/operate/upgrade.md."
        )


def initialise(place: Place, password: str, *, durable: bool) -> None:
    """Make the data directory; it appears under its name only when it is complete."""
    draft, secret = place.server / "cluster.new", place.server / "password"
    shutil.rmtree(draft, ignore_errors=True)
    write_private(secret, password)
    os.chown(secret, place.identity.uid, place.identity.gid)
    status, printed = processes.run(
        [
            place.binaries.program("initdb"),
            f"--pgdata={draft}",
            f"--pwfile={secret}",
            "--username=postgres",
            "--auth=scram-sha-256",
            "--locale=C.UTF-8",
            "--encoding=UTF8",
            "--no-instructions",
            *([] if durable else ["--no-sync"]),
        ],
        become=place.identity.become,
        environment=environment(),
    )
    secret.unlink()
    if status != 0:
        raise LauncherError(
            f"Read why initdb cannot make the data directory: {binaries.last_line(printed)}"
        )
    draft.rename(place.server / "cluster")
    sync(place.server)


@contextmanager
def temporary_cluster(
    *, settings: Mapping[str, str] | None = None, durable: bool = False
) -> Iterator[Cluster]:
    """Start an empty cluster, without durability; afterwards nothing of it is left.

    The folder can be passed through by others, so that root needs no shelter for the data.
    """
    folder = Path(tempfile.mkdtemp(prefix="larder-"))
    folder.chmod(0o711)
    try:
        with Cluster(folder / "data", durable=durable, settings=settings) as cluster:
            yield cluster
    finally:
        shutil.rmtree((folder / "data" / "server").resolve(), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


SETTINGS = {"wal_retrieve_retry_interval": "100ms"}
"""After the primary was away, or another took its place, it is looked for this often."""


def standby(primary: Cluster, data: Path, *, settings: Mapping[str, str] | None = None) -> Cluster:
    """Copy a running cluster into the new folder `data`; the replica is not started yet.

    A separate replication slot makes the primary keep the log that it has not yet received.
    It is not durable: what it loses in a crash the primary still has. Raises LauncherError.
    """
    (data / "server").mkdir(parents=True)
    status, printed = processes.run(
        [
            binaries.find().program("pg_basebackup"),
            f"--pgdata={data / 'server' / 'cluster'}",
            f"--dbname={primary.superuser_url()}",
            *("--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"),
            *("--create-slot", f"--slot=standby_{secrets.token_hex(4)}"),
        ],
        environment=environment(),
    )
    if status != 0:
        raise LauncherError(f"Read why the replica cannot be made: {binaries.last_line(printed)}")
    shutil.copy(primary.data / "passwords.json", data)
    return Cluster(data, durable=False, settings=SETTINGS | dict(settings or {}))
