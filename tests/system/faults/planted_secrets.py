"""Planted secrets in a running Larder, and requests of every kind that fail with them."""

import gzip
import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from larder.local.postgresql import Cluster
from tests.server import Reply, Server
from tools.processes import free_port

ERRORS_RECEIVED: list[str] = []
"""What was reported to where SENTRY_DSN leads, as long as `receiving` listens there."""


class _Receiver(BaseHTTPRequestHandler):
    """Takes error reports as Sentry does. The key of the DSN is how a sender names itself there,
    in a header, which is not looked at."""

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        packed = self.headers.get("Content-Encoding") == "gzip"
        ERRORS_RECEIVED.append((gzip.decompress(sent) if packed else sent).decode())
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Nothing."""


@contextmanager
def receiving() -> Iterator[list[str]]:
    """The error reports that arrive meanwhile."""
    ERRORS_RECEIVED.clear()
    port = urlsplit(SETTINGS["SENTRY_DSN"]).port or 0
    with ThreadingHTTPServer(("127.0.0.1", port), _Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield ERRORS_RECEIVED
        server.shutdown()


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def marker(of: str) -> str:
    """A secret that is not written by accident: fifty characters and more."""
    return f"planted-{of}-4Xq9-{of[::-1]}-Zb7Wk2Lm8Rt5Yc1Hg6Fd3Sa0Pj".replace(" ", "-")


SETTINGS = {
    "SECRET_KEY": marker("secret key"),
    "SECRET_KEY_FALLBACKS": marker("former key"),
    "METRICS_TOKEN": marker("metrics token"),
    # Nothing listens there: they fail, and report it.
    "EMAIL_URL": f"smtp://larder:{marker('mail')}@127.0.0.1:{free_port()}",
    "SENTRY_DSN": f"http://{marker('sentry')}@127.0.0.1:{free_port()}/1",
}
PASSWORD, WRONG, NEW = (marker(of) for of in ("password", "wrong password", "new password"))
UNKNOWN_KEY = f"larder_{marker('unknown key')}"


def environment(cluster: Cluster) -> dict[str, str]:
    """Where every setting that is secret is a marker, or the passwords of the cluster's roles."""
    urls = {"DATABASE_URL": cluster.app_url(), "OWNER_DATABASE_URL": cluster.owner_url()}
    chosen = {"COMPAT": "0,1,2,3,4", "LOG_LEVEL": "DEBUG"}
    return SETTINGS | urls | chosen


def secrets_of(cluster: Cluster) -> set[str]:
    """All of them, but for those that a test is handed by the server."""
    of_roles = {url.split("@")[0].rpartition(":")[2] for url in _urls(cluster)}
    planted = [marker(of) for of in ("cache", "mail", "sentry")]
    keys = [SETTINGS[name] for name in ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "METRICS_TOKEN")]
    return {*of_roles, *planted, *keys, PASSWORD, WRONG, NEW, UNKNOWN_KEY}


def _urls(cluster: Cluster) -> tuple[str, str]:
    return cluster.app_url(), cluster.owner_url()


@dataclass
class Client:
    """A client with secrets, whose every answer is kept unless it hands secrets out."""

    server: Server
    username: str
    access: str = ""
    refresh: str = ""
    key: str = ""

    def enter(self) -> set[str]:
        """Registers, logs in, makes a key. Returns the secrets that were handed out."""
        credentials = {"username": self.username, "password": PASSWORD}
        self.server.call("POST", "auth/register", credentials)
        pair = self.server.call("POST", "auth/token", credentials)
        self.access, self.refresh = pair.body["access"], pair.body["refresh"]
        key = self.server.call("POST", "auth/keys", {"name": "till"}, token=self.access)
        self.key = key.body["key"]
        return {self.access, self.refresh, self.key}

    def fail(self) -> Iterator[Reply]:
        """Requests that are refused or go wrong, with every secret wherever one can be."""
        yield from self._passwords()
        yield from self._headers()
        call, both = self.server.call, {"username": self.username, "password": PASSWORD}
        yield call("POST", "auth/token", json.dumps(both).encode()[:-1] + b", broken")
        yield call("POST", "auth/token", both | {"unknown": WRONG})
        yield call("POST", "auth/token", {"username": [PASSWORD], "password": [WRONG]})
        yield call("POST", "auth/token", both, headers={"Content-Type": "text/plain"})
        yield call("POST", "auth/register", both | {"email": WRONG})
        yield call("POST", "auth/register", both)
        yield call("POST", "auth/token/refresh", {"refresh": self.refresh + "x"})
        yield call("POST", "auth/token/refresh", {"refresh": self.refresh, "x": self.access})
        yield call("POST", "auth/token/revoke", {"refresh": UNKNOWN_KEY})
        change = {"current_password": WRONG, "new_password": NEW}
        yield call("POST", "auth/password/change", change, token=self.access)
        yield call("POST", "orders", {"lines": [], "x": WRONG}, token=self.access)
        yield call("GET", f"products?limit=x&{urlencode({'password': PASSWORD})}", token=self.key)

    def _passwords(self) -> Iterator[Reply]:
        """Wrong ones, in each API."""
        body = {"username": self.username, "password": WRONG}
        for path in ("auth/token", "/auth/", "/api/token/", "/api/identity/token/"):
            yield self.server.call("POST", path, body)
        pair = b64encode(f"{self.username}:{WRONG}".encode()).decode()
        yield self.server.call("GET", "/token/", headers={"Authorization": f"Basic {pair}"})
        form = urlencode(body).encode()
        yield self.server.call("POST", "/admin/login/", form, headers=FORM)
        yield self.server.call("POST", "/api/token/", form, headers=FORM)

    def _headers(self) -> Iterator[Reply]:
        """Credentials that are not good, or not good here."""
        for header in (
            *(f"Bearer {UNKNOWN_KEY}", f"Token {WRONG}", f"Bearer {self.access}x", PASSWORD),
            *(f"Bearer {self.refresh}", f"Basic {quote(PASSWORD)}", f"Digest {self.key}"),
        ):
            for path in ("me", "/api/products/", "/metrics", "/orders/"):
                yield self.server.call("GET", path, headers={"Authorization": header})

    def work(self) -> Iterator[Reply]:
        """Requests that are right, and fail only if the server does."""
        call, both = self.server.call, {"username": self.username, "password": PASSWORD}
        yield call("POST", "auth/token", both)
        yield call("POST", "auth/token/refresh", {"refresh": self.refresh})
        yield call("POST", "auth/register", both | {"username": f"{self.username} again"})
        yield call("POST", "auth/keys", {"name": "another"}, token=self.access)
        yield call("POST", "/auth/", both)
        yield call("GET", "me", token=self.key)
        form = urlencode(both).encode()
        yield call("POST", "/api/identity/token/", form, headers=FORM)


def found_in(texts: Iterable[tuple[str, str]], secrets: set[str]) -> list[str]:
    """Where which secret was found, in whatever spelling a log or an answer may have it."""
    spelled = {
        secret: {secret, quote(secret), b64encode(secret.encode()).decode()} for secret in secrets
    }
    return [
        f"{secret[:30]}… in {name}: {text[:300]}"
        for name, text in texts
        for secret, forms in spelled.items()
        if any(form in text for form in forms)
    ]


def lines_of(log: Path) -> list[tuple[str, str]]:
    """A log, line by line."""
    return [(log.name, line) for line in log.read_text(errors="replace").splitlines()]


def texts_of(reply: Reply) -> tuple[str, str]:
    """An answer as one text."""
    body: Any = reply.body
    shown = body.decode(errors="replace") if isinstance(body, bytes) else json.dumps(body)
    return f"an answer {reply.status}", f"{reply.headers} {shown}"
