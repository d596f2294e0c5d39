"""A gate in the database, at which competing requests wait between what they read and write.

The test closes the gate, waits until so many requests are at it, and opens it. Then all of them
have read the same state before the first of them writes, on an idle machine and on a busy one. A
request that comes while the gate is open passes. Only what replaces a guard has a gate.

It is an advisory lock: exclusive while the gate is closed, and requests take and release it shared.
So it works between threads, processes and servers of one database, and within a statement whose
snapshot was taken before.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from time import monotonic, sleep
from typing import Any

import psycopg

from larder.db import database

SPACE = 1_000_003
"""The first half of the keys of these advisory locks."""

LONGEST = 9.0
"""Seconds for which a gate is closed. The statements of the server's role end after ten."""

_WAITING = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE locktype = 'advisory' AND (classid, objid) = (%s, %s) AND NOT granted
    AND datname = current_database()
"""


@dataclass(frozen=True, slots=True)
class Gate:
    """A place where requests wait; the number tells it from others."""

    number: int

    @property
    def statement(self) -> str:
        """The statement that waits, also as a subquery of another one. Other limits of waits for
        locks do not apply to it, and apply again afterwards."""
        key = f"{SPACE}, {self.number}"
        return f"""
        SELECT set_config('lock_timeout', '1min', true) AS longest,
            pg_advisory_lock_shared({key}) AS here,
            pg_advisory_unlock_shared({key}) AS gone,
            set_config('lock_timeout', given.lock_timeout, true) AS former
        FROM (SELECT current_setting('lock_timeout') AS lock_timeout OFFSET 0) AS given
        """

    def wait(self) -> None:
        """Waits on the connection of this thread."""
        database.rows(self.statement)


READ = Gate(1)
"""After a request has read, and before it writes."""
INSERT = Gate(2)
"""Before a statement inserts (`before_inserts`)."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed gate."""

    gate: Gate
    _connection: psycopg.Connection[Any]

    def wait_for(self, requests: int, over: Event | None = None) -> bool:
        """Waits until so many requests are at the gate, at most until `over` is set. Returns
        whether they are."""
        until = monotonic() + LONGEST
        while self._waiting() < requests:
            if monotonic() > until or (over is not None and over.is_set()):
                return False
            sleep(0.005)
        return True

    def open(self) -> None:
        """Lets all requests pass."""
        self._connection.execute("SELECT pg_advisory_unlock_all()")

    def _waiting(self) -> int:
        found = self._connection.execute(_WAITING, [SPACE, self.gate.number]).fetchone()
        return int(found[0]) if found else 0


@contextmanager
def closed(gate: Gate) -> Iterator[Closed]:
    """Closes the gate. It is open after the block."""
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as own:
        own.execute("SELECT pg_advisory_lock(%s::int, %s::int)", [SPACE, gate.number])
        yield Closed(gate, own)


@dataclass(slots=True)
class Meeting:
    """So many requests of a crowd meet at the gate. `met`: whether each crowd's did."""

    requests: int
    gate: Gate = READ
    met: list[bool] = field(default_factory=list)


_next: list[Meeting] = []


@contextmanager
def meeting_of_crowd() -> Iterator[None]:
    """Closes the gate before a crowd starts, and opens it when so many of its requests have met."""
    if not _next:
        yield
        return
    meeting, over = _next[-1], Event()
    with closed(meeting.gate) as gate, ThreadPoolExecutor(1) as opener:

        def open_after_meeting() -> None:
            meeting.met.append(gate.wait_for(meeting.requests, over))
            gate.open()

        opening = opener.submit(open_after_meeting)
        try:
            yield
        finally:
            over.set()
            opening.result()


_FUNCTION = f"""
CREATE OR REPLACE FUNCTION public.wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM * FROM ({INSERT.statement}) AS gate;
    RETURN NULL;
END $$
"""
