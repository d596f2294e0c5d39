"""A proxy between a server and its PostgreSQL, which loses the answer to a commit.

Tests and attacks put it into DATABASE_URL. It knows of PostgreSQL's protocol only how psycopg
sends a commit: as a simple query.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import parse_qs, urlsplit

HOST = "127.0.0.1"
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
CHUNK = 65_536


class Loss(Enum):
    """What becomes of the next commit or statement; the server's connection is closed each time."""

    DROPPED = "the commit does not reach PostgreSQL"
    ANSWER = "the commit is carried out and its answer is dropped"
    LATE = "the commit reaches PostgreSQL after `delay` seconds"
    AFTER = "the commit is carried out and answered, and the statement after it is dropped"
    STATEMENT = "no commit, but the next statement is dropped"


@dataclass
class Plan:
    """What to lose, and for how many seconds no client can connect afterwards."""

    loss: Loss
    delay: float = 0.0
    away: float = 0.0


@dataclass
class Wire:
    """`with Wire(url) as wire:` and connect to `wire.url`.

    `lose` decides about the next commit; `lost` counts those that were lost. `lead_to` leads new
    connections to another server, `cut` ends those that are open.
    """

    database: str
    lost: int = 0
    _plan: Plan | None = None
    _is_away: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: set[socket.socket] = field(default_factory=set)
    _deaf: set[socket.socket] = field(default_factory=set)
    """Clients that are ended instead of given what PostgreSQL answers."""

    def __enter__(self) -> Wire:
        self._listening = socket.create_server((HOST, 0), backlog=128)
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        # Wakes the thread that accepts, which closing alone does not.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()

    @property
    def url(self) -> str:
        """The database's address by way of this proxy."""
        given = urlsplit(self.database)
        account = given.netloc.rpartition("@")[0]
        plain = "sslmode=disable&gssencmode=disable"
        return f"postgresql://{account}@{HOST}:{self.port}{given.path}?{plain}"

    def lose(self, loss: Loss, *, delay: float = 0.0, away: float = 0.0) -> None:
        """Loses the next commit or statement, once."""
        with self._lock:
            self._plan = Plan(loss, delay, away)

    def lead_to(self, database: str) -> None:
        """From now on new connections lead to that database."""
        self.database = database

    def go_away(self, seconds: float) -> None:
        """Refuses connections for so long, and ends those that are open."""
        self._is_away = True
        self.cut()
        threading.Timer(seconds, self._come_back).start()

    def _come_back(self) -> None:
        self._is_away = False

    def cut(self, *spared: socket.socket) -> None:
        """Ends all connections that are open, except for these."""
        with self._lock:
            ended = self._open.difference(spared)
        for one in ended:
            self._close(one)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self._is_away:
            client.close()
            return
        try:
            server = _connect(self.database)
        except OSError:
            client.close()
            return
        with self._lock:
            self._open |= {client, server}
        threading.Thread(target=self._carry, args=[server, client], daemon=True).start()
        self._carry(client, server, is_watched=True)

    def _carry(
        self, source: socket.socket, target: socket.socket, *, is_watched: bool = False
    ) -> None:
        """Passes on what comes until one of both ends, or a commit is to be lost."""
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if is_watched and (plan := self._taken(data)) is not None:
                    self._lose(plan, data, source, target)
                    return
                if target in self._deaf:
                    break
                target.sendall(data)
        self._close(source)
        self._close(target)

    def _taken(self, data: bytes) -> Plan | None:
        """Returns what is to be lost of this data; that is then done with."""
        with self._lock:
            plan = self._plan
            if plan is None or (plan.loss is not Loss.STATEMENT and COMMIT not in data):
                return None
            self._plan = None
            self.lost += 1
        return plan

    def _lose(self, plan: Plan, data: bytes, client: socket.socket, server: socket.socket) -> None:
        self._is_away = plan.away > 0
        if self._is_away:
            self.cut(client, server)
        if plan.loss is Loss.ANSWER:
            self._deaf.add(client)
        if plan.loss in {Loss.ANSWER, Loss.AFTER}:
            server.sendall(data)
            # Until the other direction's thread ends the client, or the next statement comes.
            with suppress(OSError):
                client.recv(CHUNK)
        if plan.loss in {Loss.DROPPED, Loss.STATEMENT, Loss.AFTER}:
            self._close(server)
        self._close(client)
        if plan.loss is Loss.LATE:
            time.sleep(plan.delay)
            server.sendall(data)
        if plan.away:
            self.go_away(plan.away)

    def _close(self, one: socket.socket) -> None:
        with self._lock:
            self._open.discard(one)
            self._deaf.discard(one)
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


def _connect(database: str) -> socket.socket:
    """A connection to the PostgreSQL of a URL, which may name a folder of sockets."""
    given = urlsplit(database)
    options = parse_qs(given.query)
    host = given.hostname or options["host"][0]
    port = given.port or int(options.get("port", ["5432"])[0])
    if not host.startswith("/"):
        return socket.create_connection((host, port), timeout=5)
    made = socket.socket(socket.AF_UNIX)
    made.connect(f"{host}/.s.PGSQL.{port}")
    return made
