"""The connections that the pool gives out, also after the server has closed unused ones."""

import os
import select
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection

from larder.db.database import sqlstate
from larder.db.postgresql import base
from larder.db.postgresql.base import DatabaseWrapper
from tools.processes import free_port, wait_until
from tools.wire import CHUNK, Wire

TOO_MANY_CONNECTIONS = "53300"


def pool_of(size: int) -> DatabaseWrapper:
    """The application's database through a pool of so many connections."""
    pool = {"min_size": 1, "max_size": size, "timeout": 2}
    options = {**connection.settings_dict["OPTIONS"], "pool": pool}
    return DatabaseWrapper({**connection.settings_dict, "OPTIONS": options}, alias="pooled")


@pytest.fixture
def pooled(db: None) -> Iterator[DatabaseWrapper]:
    """The application's database through a pool of one connection."""
    wrapper = pool_of(1)
    yield wrapper
    wrapper.close()
    wrapper.close_pool()


def process(pooled: DatabaseWrapper) -> int:
    """The server's process behind the connection, which is kept."""
    with pooled.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return int(pid)


def backend(pooled: DatabaseWrapper) -> int:
    """The same; the connection goes back to the pool afterwards."""
    pid = process(pooled)
    pooled.close()
    return pid


def run(statement: str, *parameters: int) -> None:
    """From another connection."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as other:
        other.execute(statement, parameters)


def test_a_returned_connection_is_used_again(pooled: DatabaseWrapper) -> None:
    assert backend(pooled) == backend(pooled)


def test_a_connection_that_the_server_closed_is_replaced(pooled: DatabaseWrapper) -> None:
    first = backend(pooled)
    run("SELECT pg_terminate_backend(%s, 5000)", first)
    assert backend(pooled) != first


def test_a_connection_with_pending_notifications_is_not_closed(pooled: DatabaseWrapper) -> None:
    with pooled.cursor() as cursor:
        cursor.execute("LISTEN news")
    first = backend(pooled)
    run("NOTIFY news")
    assert backend(pooled) == first


def test_requests_after_a_pool_timeout_fail_at_once_without_a_free_connection(
    pooled: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the database away a second wait would come after the first, and be too long."""
    monkeypatch.setattr(DatabaseWrapper, "_last_pool_timeout", {})
    second = DatabaseWrapper(pooled.settings_dict, alias="pooled")
    pooled.ensure_connection()
    waits = []
    for _ in range(3):
        began = monotonic()
        with pytest.raises(OperationalError) as raised:
            second.ensure_connection()
        assert sqlstate(raised.value) == ""
        waits.append(monotonic() - began)
    assert waits[0] > 1.9
    assert max(waits[1:]) < 1.5
    pooled.close()
    second.ensure_connection()
    second.close()


def test_a_pool_whose_connections_are_used_by_others_is_busy(
    pooled: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DatabaseWrapper, "_last_pool_timeout", {})

    def use() -> None:
        other = DatabaseWrapper(pooled.settings_dict, alias="pooled")
        with suppress(OperationalError):
            other.ensure_connection()
            sleep(1.1)
        other.close()

    def wait() -> str:
        other = DatabaseWrapper(pooled.settings_dict, alias="pooled")
        with pytest.raises(OperationalError) as raised:
            other.ensure_connection()
        return sqlstate(raised.value)

    pooled.ensure_connection()
    with ThreadPoolExecutor(9) as threads:
        for _ in range(8):
            threads.submit(use)
        assert wait_until(lambda: waiters(pooled) == 8)
        pooled.close()
        assert threads.submit(wait).result() == TOO_MANY_CONNECTIONS


def waiters(pooled: DatabaseWrapper) -> int:
    """How many threads wait for a connection."""
    return int(pooled.pool.get_stats().get("requests_waiting", 0))


def test_a_pool_that_cannot_connect_is_not_reported_as_full(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DatabaseWrapper, "_last_pool_timeout", {})
    pooled = pool_of(1)
    pooled.settings_dict |= {"PORT": str(free_port()), "HOST": "127.0.0.1"}
    try:
        for _ in range(2):
            with pytest.raises(OperationalError) as raised:
                pooled.ensure_connection()
            assert sqlstate(raised.value) == ""
    finally:
        pooled.close_pool()


def ends_soon(connection: psycopg.Connection[Any]) -> bool:
    """Returns whether the connection has something to read within ten seconds."""
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(10_000))


READY = b"Z\x00\x00\x00\x05I"
MOST_CLOSED = 50
"""Connections after which the others stay open, so that a loop without a limit ends too."""


class HangsUp(Wire):
    """Closes each connection as soon as PostgreSQL is ready for its first statement."""

    closed = 0

    def _carry(
        self, source: socket.socket, target: socket.socket, *, is_watched: bool = False
    ) -> None:
        if is_watched or self.closed >= MOST_CLOSED:
            super()._carry(source, target, is_watched=is_watched)
            return
        with suppress(OSError):
            while data := source.recv(CHUNK):
                target.sendall(data)
                if data.endswith(READY):
                    break
        self.closed += 1
        self._close(source)
        self._close(target)


def test_connections_closed_at_once_are_retried_a_limited_number_of_times(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DatabaseWrapper, "_last_pool_timeout", {})
    # The end of the connection is seen, however late it arrives on a busy machine.
    monkeypatch.setattr(base, "has_something_to_read", ends_soon)
    pooled = pool_of(2)
    with HangsUp(os.environ["DATABASE_URL"]) as wire:
        pooled.settings_dict |= {"PORT": str(wire.port), "HOST": "127.0.0.1"}
        pooled.settings_dict["OPTIONS"] |= {"sslmode": "disable", "gssencmode": "disable"}
        try:
            with pytest.raises(OperationalError, match="closes each new connection"):
                pooled.ensure_connection()
        finally:
            pooled.close_pool()
