"""What the environment says about a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from larder.ops import serve
from tools.terminal import LauncherError

STOP_SECONDS = 3
"""A developer who stops a run waits for it; no other requests are open."""


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

    @property
    def serving(self) -> serve.Serving:
        """What of this is the web server's."""
        return serve.Serving(self.host, self.port, self.workers, self.threads, STOP_SECONDS)


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read HOST, PORT, DATA, WORKERS, THREADS and DATABASE_URL; empty counts as unset.

    Raises LauncherError when a number is none or lies outside its range.
    """
    with in_one_line():
        serving = serve.from_environment(environment)
    return Settings(
        host=serving.host,
        port=serving.port,
        data=Path(environment.get("DATA") or ".data").absolute(),
        workers=serving.workers,
        threads=serving.threads,
        database_url=environment.get("DATABASE_URL") or None,
    )


@contextmanager
def in_one_line() -> Iterator[None]:
    """What keeps the server from starting is reported like all that keeps a run from starting."""
    try:
        yield
    except serve.CannotServe as error:
        raise LauncherError(str(error)) from None


TEMPLATE = """
Larder is ready at {address}

  admin      {address}/admin/   admin / 12345, opply / 123456 (superusers)
  app        {address}/demo/    demo / demo (a customer)
  API        {address}/api/v1/docs
  logs       {logs}
  mails      {address}/demo/mails, and {mails} for passwords

First requests to try, in another terminal:

{requests}

Ctrl-C stops everything.
"""

REQUESTS = r"""L={address}/api/v1 JSON='Content-Type: application/json'
TOKEN=$(curl -s $L/auth/token -H "$JSON" -d '{{"username": "demo", "password": "demo"}}' |
    sed 's/.*"access" *: *"\([^"]*\)".*/\1/')
AUTH="Authorization: Bearer $TOKEN"
curl -sw '\n' "$L/products?q=lantern&limit=2" -H "$AUTH"
curl -sw '\n' $L/orders -H "$AUTH" -H "$JSON" -H 'Idempotency-Key: my-first-order' \
    -d '{{"lines": [{{"product": 1, "quantity": 2}}]}}'
curl -sw '\n' $L/orders -H "$AUTH"
"""
"""The README shows the same."""


def greeting(settings: Settings) -> str:
    """Return the address, the demo users and the first requests."""
    return TEMPLATE.format(
        address=settings.address,
        logs=settings.data / "log",
        mails=settings.data / "log" / "worker.log",
        requests=REQUESTS.format(address=settings.address).strip(),
    )
