"""Runs periodic tasks, one after the other, in a thread of the worker that leads."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from uuid import uuid4

from larder.core import telemetry
from larder.core.clock import now
from larder.core.ids import CORRELATION_ID
from larder.db import database, observations

logger = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks at what is due."""


@dataclass(frozen=True)
class Task:
    """A task that can be repeated: if it is cut off, the next time does the rest."""

    subject: str
    """Of the observation that its result becomes."""
    every: timedelta
    run: Callable[[], Mapping[str, float]]


def run_tasks(tasks: Sequence[Task], leading: Event, stop: Event) -> None:
    """Runs each task when it is due, while this worker is `leading`, until the end."""
    due = dict.fromkeys(tasks, now())
    while not stop.wait(LOOK):
        for task in tasks:
            if leading.is_set() and due[task] <= now():
                due[task] = run_task(task)


def run_task(task: Task) -> datetime:
    """Runs a task, unless a worker did within its period. Returns when it is due again. Its log
    lines have an id; a failure is one of them."""
    began = now()
    try:
        last = observations.noted(task.subject)
        if last is not None and last.at + task.every > began:
            return last.at + task.every
        CORRELATION_ID.set(uuid4().hex)
        with telemetry.span(f"task {task.subject}"):
            observations.note(task.subject, task.run(), now=began)
    except Exception:
        # The thread must not end.
        logger.exception("The task %s failed. It runs again after its period.", task.subject)
    finally:
        database.release()
    return began + task.every
