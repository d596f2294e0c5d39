"""A shop behind nginx: two servers and a job worker, each of which another version can replace."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import psycopg

from tools.attack.target import NOT_OURS, Code, Target
from tools.errors import LauncherError
from tools.kept import Keeping, Kept
from tools.local_postgres.cluster import Cluster
from tools.local_postgres.standby import standby
from tools.local_postgres.temporary import temporary_cluster
from tools.release_drill.proxy import Proxy
from tools.release_drill.releases import Release

WORKER_SECONDS = 30.0
THREADS = 16


@dataclass
class Site:
    """The shop. `settings` are those of the next server, worker or command that is started."""

    cluster: Cluster
    folder: Path
    proxy: Proxy
    settings: dict[str, str]
    servers: list[Target] = field(default_factory=list)
    standby: Cluster | None = None
    _worker: Kept | None = None

    def prepare(self, release: Release) -> None:
        """Run `manage.py prepare` of the release. Raises LauncherError."""
        target = Target(release.code, self.cluster, self.folder, dict(self.settings))
        status, printed = target.manage("prepare")
        if status != 0:
            raise LauncherError(f"The database could not be prepared:\n{printed[-3000:]}")

    def start(self, release: Release) -> None:
        """Start two servers, the worker and nginx."""
        for _ in range(2):
            self.servers.append(self._server(release.code))
        self.restart_worker(release)
        self.proxy.start([one.port for one in self.servers])

    def replace(self, number: int, release: Release) -> None:
        """Start a server of the release, let nginx use it in place of the one with this number, and
        end that one when nginx has none of its requests left."""
        former, self.servers[number] = self.servers[number], self._server(release.code)
        try:
            self.proxy.serve([one.port for one in self.servers])
        finally:
            former.stop()

    def add_standby(self) -> None:
        """Start a streaming replica."""
        self.standby = standby(self.cluster, self.folder / "standby")
        self.standby.start()

    def switch_over(self) -> None:
        """Stop the primary, which first sends all of its log, promote the standby, and let the
        database's address lead to it. Raises LauncherError."""
        if self.standby is None:
            raise LauncherError("There is no standby.")
        self.cluster.stop()
        with psycopg.connect(self.standby.superuser_url(), autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")
        self.cluster = self.standby
        lead_to(self.folder, self.cluster)

    def restart_worker(self, release: Release) -> None:
        """End the job worker after its running jobs, and start one of the release.

        Raises LauncherError if it has ended by itself, as it does without a database.
        """
        if self._worker is not None:
            self._check_worker()
            self._worker.close()
        self._worker = Kept(
            [release.code.python, "manage.py", "procrastinate", "worker"],
            Keeping(stop=(("TERM", WORKER_SECONDS),)),
            environment=self.settings,
            output=(self.folder / "worker.log").open("ab"),
            folder=release.code.checkout,
        )

    def _check_worker(self) -> None:
        """Raise LauncherError if the job worker has ended by itself."""
        if self._worker is not None and self._worker.status is not None:
            log = (self.folder / "worker.log").read_text(errors="replace")
            raise LauncherError(f"The job worker has ended:\n{log[-3000:]}")

    def _server(self, code: Code) -> Target:
        own = Target(code, self.cluster, self.folder, dict(self.settings))
        own.start()
        return own

    def stop(self) -> None:
        """End everything but the database."""
        self.proxy.stop()
        for one in self.servers:
            one.stop()
        if self._worker is not None:
            self._worker.close()
        if self.standby is not None:
            self.standby.stop()


def lead_to(folder: Path, cluster: Cluster) -> None:
    """Let the database's address, a link, lead to that cluster, as a DNS record would."""
    new = folder / "database.new"
    new.symlink_to(parse_qs(urlsplit(cluster.app_url()).query)["host"][0])
    new.rename(folder / "database")


@contextmanager
def opened() -> Iterator[Site]:
    """Give a site on an empty database; nothing is started. Afterwards nothing of it is left."""
    with tempfile.TemporaryDirectory(prefix="larder-release-") as name, temporary_cluster() as own:
        folder = Path(name)
        folder.chmod(0o711)
        lead_to(folder, own)
        site = Site(own, folder, Proxy(folder / "nginx"), _settings(own, folder))
        try:
            yield site
        finally:
            site.stop()


def _settings(cluster: Cluster, folder: Path) -> dict[str, str]:
    address = f"host={quote(str(folder / 'database'), safe='')}"
    urls = {"DATABASE_URL": cluster.app_url(), "OWNER_DATABASE_URL": cluster.owner_url()}
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    return inherited | {
        **{name: re.sub("host=[^&]*", address, url) for name, url in urls.items()},
        "DEMO": "1",
        "REGISTRATION": "open",
        "RATE_LIMITS": "wide",
        "SECRET_KEY": secrets.token_hex(32),
        "SECRET_KEY_FALLBACKS": "",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "HOST": "127.0.0.1",
        "TRUSTED_PROXIES": "127.0.0.1/32",
        "WORKERS": "2",
        "THREADS": str(THREADS),
        # Several servers share the cores, as in deploy/compose.
        "PIN_WORKERS": "false",
        "BATCH_SCHEDULING": "false",
        "ACCESS_LOG": "0",
    }
