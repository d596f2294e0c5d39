"""Checks from outside whether everything works again. Changes nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import psycopg

from tools.drill.customers import GONE, Customer
from tools.drill.faults import Struck
from tools.drill.running import Running
from tools.processes import alive
from tools.replay.wire import Line, Request

STEADY_SECONDS = 1.0
"""Back is what has been so, without a pause, for as long as this."""
GIVE_UP_SECONDS = 90.0
PROBE_SECONDS = 3.0
POLL_SECONDS = 0.05

_DEFER = """
INSERT INTO procrastinate_jobs (queue_name, task_name, args)
VALUES ('default', 'larder.ops.tasks.delete_expired_keys', '{"timestamp": 0}') RETURNING id
"""
_DONE = "SELECT status = 'succeeded' FROM procrastinate_jobs WHERE id = %s"


@dataclass
class Watch:
    """Waits until a fault is over. `customer` places the orders that prove it."""

    running: Running
    customer: Customer
    missing: str = ""
    """What was not back when it was last looked at."""
    _job: int | None = field(default=None, init=False)

    def wait(self, struck: Struck) -> float | None:
        """Return after how many seconds everything was back for good; None if it was not."""
        self._job = None
        good_since: float | None = None
        while True:
            began = time.monotonic()
            self.missing = self._look(struck)
            now = time.monotonic()
            if self.missing:
                good_since = None
            elif good_since is None:
                good_since = now
            elif now - good_since >= STEADY_SECONDS:
                return good_since - struck.over
            if now - struck.over > GIVE_UP_SECONDS:
                return None
            time.sleep(max(0.0, POLL_SECONDS - (now - began)))

    def _look(self, struck: Struck) -> str:
        if any(alive(pid) for pid in struck.ended):
            return "who was killed is still there"
        if not self.running.whole:
            return "not all processes are there"
        if not self._ready():
            return "/readyz is not 200"
        if not self._sells():
            return "an order is not placed"
        if struck.fault.jobs and not self._works():
            return "a job is not done"
        return ""

    def _ready(self) -> bool:
        with Line(self.running.base_url, timeout=PROBE_SECONDS) as line:
            try:
                return line.call(Request("GET", "/readyz")).status == 200
            except GONE:
                return False

    def _sells(self) -> bool:
        """On a separate connection, so that any worker may be met."""
        self.customer.line.hang_up()
        wish = self.customer.want_order()
        wish.abandoned = True
        return self.customer.try_once(wish).status in (201, 409)

    def _works(self) -> bool:
        """A job, asked for once the database is back, gets done."""
        try:
            with psycopg.connect(self.running.cluster.owner_url(), connect_timeout=3) as owner:
                if self._job is None:
                    row = owner.execute(_DEFER).fetchone()
                    self._job = row[0] if row else None
                    return False
                row = owner.execute(_DONE, [self._job]).fetchone()
                return bool(row and row[0])
        except psycopg.OperationalError:
            return False
