"""Tells committed events, in one of the workers: expires holds and relays in a thread, sends in
another, and runs the periodic tasks in a third.

The worker with an advisory lock does it; others stand by. The lock belongs to a session, so it ends
with the process. If a session is lost without an end, two workers may tell for a moment: the relay
notices it by its marks (larder/relay/services/relaying.py), and a delivery may be sent twice.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread
from typing import Any, TypeVar

import psycopg
from django.conf import settings
from django.db import connections
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from larder.core.clock import Stopwatch, now
from larder.db import observations
from larder.orders.services.expire_holds import expire_holds
from larder.relay.channels import Channel
from larder.relay.services.relaying import Relay
from larder.worker.mails import Mails
from larder.worker.pace import Pace
from larder.worker.push import Push
from larder.worker.repeated_errors import RepeatedErrors
from larder.worker.sending import Sender
from larder.worker.tasks import Task, run_tasks
from larder.worker.webhooks import Webhooks

logger = logging.getLogger(__name__)

T = TypeVar("T")

EVERY = 0.2
"""Seconds between two passes, if the last one left nothing."""

HOLDS = 200
"""Holds that expire in one pass at most."""

STANDBY = 2.0
"""Seconds between two tries to lead, and without a pass after an error."""

HEARTBEAT = 10.0
"""Seconds between two signs of life."""

LOCK = "SELECT pg_try_advisory_lock(11, 1)"


def channels() -> list[Channel]:
    """Returns the channels by which events are told."""
    return [Webhooks(settings.WEBHOOK_NETWORKS), Mails(), Push()]


def connection_string() -> str:
    """Returns WORKER_DATABASE_URL with the options of all connections. Like the servers, a worker
    connects only to a database that accepts writes."""
    required: dict[str, Any] = {**settings.DB_CONNECTING, "target_session_attrs": "read-write"}
    return make_conninfo("", **{**required, **conninfo_to_dict(settings.WORKER_DATABASE_URL)})


@contextmanager
def running(telling: Sequence[Channel], tasks: Sequence[Task] = ()) -> Iterator[None]:
    """Tells events by these channels, and runs these tasks, during the block."""
    stop, leading = Event(), Event()
    sender = Sender(telling, leading)
    threads = [
        Thread(target=_run, args=[telling, leading, stop], name="relay", daemon=True),
        Thread(target=run_tasks, args=[tasks, leading, stop], name="tasks", daemon=True),
    ]
    sender.start()
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        sender.stop()
        for thread in threads:
            thread.join(timeout=STANDBY * 10)


def _run(telling: Sequence[Channel], leading: Event, stop: Event) -> None:
    errors = RepeatedErrors(logger, "Holds could not be expired, or events not be told.", _DO)
    while not stop.is_set():
        try:
            with psycopg.connect(connection_string(), autocommit=True) as session:
                while session.execute(LOCK).fetchone() != (True,):
                    if stop.wait(STANDBY):
                        return
                leading.set()
                _lead(session, telling, stop, errors)
        except Exception as error:
            # The thread must not end.
            errors.log(error)
        finally:
            leading.clear()
            connections.close_all()
        stop.wait(STANDBY)


def _lead(
    session: "psycopg.Connection[Any]",
    telling: Sequence[Channel],
    stop: Event,
    errors: RepeatedErrors,
) -> None:
    """Relays until the end, or until the session is lost: raises psycopg.Error."""
    relay, pace, beat = Relay(telling), Pace(), None
    while not stop.is_set():
        session.execute("SELECT 1")
        if beat is None or beat.seconds > HEARTBEAT:
            beat = Stopwatch()
            _tried(partial(observations.note, "worker", {}, now=now()), errors)
        taken = Stopwatch()
        # The thread keeps its connection: to open one takes longer than a pass.
        expired = _tried(partial(expire_holds, now=now(), limit=HOLDS), errors)
        more = _tried(partial(relay.once, now=now()), errors)
        pause = STANDBY if None in {expired, more} else 0.0 if more or expired == HOLDS else EVERY
        stop.wait(max(pause, min(pace.pause(taken.seconds), STANDBY)))


def _tried(do: Callable[[], T], errors: RepeatedErrors) -> T | None:
    """Returns what the function returns; None if it fails, which does not hold up the others."""
    try:
        return do()
    except Exception as error:
        errors.log(error)
        connections.close_all()
        return None


_DO = (
    "Units of expired holds can be ordered all the same, and events are told as soon as this ends."
    " If this repeats, check the database."
)
