"""What the environment says about a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.errors import LauncherError


@dataclass(frozen=True)
class Settings:
    """Where to listen, where to keep data, how much to start."""

    host: str
    port: int
    data: Path
    workers: int
    threads: int
    database_url: str | None

    @property
    def reachable_host(self) -> str:
        """The host under which this machine itself reaches the server."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104

    @property
    def address(self) -> str:
        """The server's URL without a trailing slash."""
        host = self.reachable_host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read HOST, PORT, DATA, WORKERS, THREADS and DATABASE_URL; empty counts as unset.

    Raises LauncherError when a number is none or lies outside its range.
    """
    return Settings(
        host=environment.get("HOST") or "127.0.0.1",
        port=number(environment, "PORT", 8000, largest=65535),
        data=Path(environment.get("DATA") or ".data").absolute(),
        workers=number(environment, "WORKERS", 2, largest=64),
        threads=number(environment, "THREADS", 16, largest=512),
        database_url=environment.get("DATABASE_URL") or None,
    )


def number(environment: Mapping[str, str], name: str, default: int, *, largest: int) -> int:
    """Read a whole number from 1 to `largest`."""
    text = environment.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= largest:
        raise LauncherError(f"{name}={text} is not a whole number from 1 to {largest}.")
    return int(text)
