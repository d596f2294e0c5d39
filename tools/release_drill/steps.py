"""The steps of a drill, each of which an operator takes while the shop is open."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tools.release_drill.releases import Release
from tools.release_drill.site import Site

OTHER_ROLE = "larder_app_b"


@dataclass(frozen=True)
class Step:
    """What is done. `outage`: 503 with Retry-After is allowed."""

    name: str
    run: Callable[[], None]
    outage: bool = False


@dataclass
class Plan:
    """The steps on one site. `both_seconds`: how long two versions serve side by side."""

    site: Site
    old: Release
    new: Release
    both_seconds: float

    def short(self) -> list[Step]:
        """Return the steps of the test."""
        return [
            self._migrate,
            Step("one server of the new version", lambda: self.site.replace(0, self.new)),
            Step("that server of the old version", lambda: self.site.replace(0, self.old)),
            self._minor_update,
        ]

    def full(self) -> list[Step]:
        """Return all steps."""
        return [
            self._migrate,
            Step("new version in place of the old", lambda: self._roll(self.new)),
            Step("old version again", lambda: self._roll(self.old)),
            Step("new version once more", lambda: self._roll(self.new)),
            Step("signing key rotated", self._rotate_key),
            Step("database password rotated", self._rotate_password),
            Step("worker restarted", lambda: self.site.restart_worker(self.new)),
            Step("nginx reloaded ten times", self._reload),
            self._minor_update,
            Step("standby copied", self.site.add_standby),
            Step("switch-over to the standby", self.site.switch_over, outage=True),
        ]

    @property
    def _migrate(self) -> Step:
        return Step("migrate to the new version", lambda: self.site.prepare(self.new))

    @property
    def _minor_update(self) -> Step:
        return Step("PostgreSQL restarted", self._restart_postgresql, outage=True)

    def _roll(self, release: Release) -> None:
        """Replace one server, let both versions serve, then replace the other and the worker."""
        self.site.replace(0, release)
        time.sleep(self.both_seconds)
        self.site.replace(1, release)
        self.site.restart_worker(release)

    def _rotate_key(self) -> None:
        """All servers know the next key before one signs with it, and the former one afterwards."""
        settings = self.site.settings
        former, following = settings["SECRET_KEY"], secrets.token_hex(32)
        settings["SECRET_KEY_FALLBACKS"] = following
        self._roll(self.new)
        settings["SECRET_KEY"], settings["SECRET_KEY_FALLBACKS"] = following, former
        self._roll(self.new)

    def _rotate_password(self) -> None:
        """The next role logs in with the next password, while the former one is in use."""
        settings = self.site.settings
        former = urlsplit(settings["DATABASE_URL"])
        settings["DATABASE_URL"] = following_url(settings["DATABASE_URL"])
        self.site.prepare(self.new)
        self._roll(self.new)
        with psycopg.connect(self.site.cluster.owner_url(), autocommit=True) as owner:
            role = sql.Identifier(str(former.username))
            owner.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(role))

    def _reload(self) -> None:
        for _ in range(10):
            self.site.proxy.reload()

    def _restart_postgresql(self) -> None:
        """What a minor update does: a fast shutdown, and a start."""
        self.site.cluster.stop()
        self.site.cluster.start()


def following_url(url: str) -> str:
    """Return the URL with the other role and a new password."""
    given = urlsplit(url)
    host = given.netloc.rpartition("@")[2]
    login = f"{OTHER_ROLE}:{secrets.token_hex(24)}"
    return urlunsplit(given._replace(netloc=f"{login}@{host}"))
