"""Sends the deliveries that are due, each target in a task of its own.

The event loop of one thread sends. In turns, another thread stores the outcomes of all attempts
that were made, reads what is due, and renders it: what many targets get, once. If the process is
killed, attempts that were not stored are made again.
"""

import asyncio
import logging
from asyncio import Semaphore, Task
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import groupby
from secrets import SystemRandom
from threading import Event, Thread
from time import process_time
from typing import Any

import uvloop
from django.db import Error, connections

from larder.core.clock import Stopwatch
from larder.relay.channels import Again, Channel, Outcome
from larder.relay.queries import Delivery, orders_of
from larder.relay.services import deliveries
from larder.worker.pace import Pace
from larder.worker.repeated_errors import RepeatedErrors

logger = logging.getLogger(__name__)

EVERY = 0.2
"""Seconds between two turns. The next one is at once when all targets were told what was due."""

BATCH = 50
"""Deliveries to a target that are rendered together, and whose attempts are stored together."""

FEW = 10
"""Deliveries to a target that are sent together while the machine is busy."""

AT_ONCE = 8
"""Deliveries to a target that are sent at once, of different objects."""

MOST_TARGETS = 200
"""Targets of a channel that are told at once. Others have their own: customers name the targets of
push messages, and slow ones must not hold up webhooks and mails."""

LONGEST = 30.0
"""Seconds after which an attempt is ended, and after which a message is not sent but rendered
again: it tells the present state."""

MOST_SECONDS = 86_400.0
"""The longest pause that a target may ask for."""

JITTER = 0.1
"""The part of a pause that is added to it at most, so that repeats spread."""

LONGEST_PAUSE = 2.0
"""Seconds that the sender leaves to orders at most: a mail with a new password waits, too."""

AFTER_ERROR = 2.0
"""Seconds without a turn after an error of the database."""

GRACE = 5.0
"""Seconds for which the end of the process waits for attempts."""

OVERTAKEN = "overtaken"
"""The outcome of a delivery about which there is nothing to tell any more."""

Target = tuple[str, str]
Rendered = tuple[Delivery, Any]
"""A delivery with its message, or with the outcome of its attempt."""

Attempt = tuple[Delivery, Outcome]


class Sender:
    """Sends from `start` to `stop`, while this worker is `leading`."""

    def __init__(self, channels: Sequence[Channel], leading: Event) -> None:
        self._channels = {channel.name: channel for channel in channels}
        self._tasks: dict[Target, Task[list[Attempt]]] = {}
        self._attempts: list[Attempt] = []
        """Attempts that are not stored."""
        self._random, self._pace = SystemRandom(), Pace()
        self._leading, self._is_stopped = leading, False
        self._errors = RepeatedErrors(logger, "Deliveries could not be sent.", _DO)
        self._thread = Thread(target=self._run, name="sender", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread, and waits for the attempts that are under way for up to GRACE."""
        self._is_stopped = True
        self._thread.join(timeout=GRACE * 2)

    @property
    def _may_send(self) -> bool:
        return self._leading.is_set() and not self._is_stopped

    def _run(self) -> None:
        with ThreadPoolExecutor(1, thread_name_prefix="sender-database") as self._database:
            uvloop.run(self._main())

    async def _main(self) -> None:
        while not self._is_stopped:
            began = process_time()
            try:
                await self._turn()
                await self._wait(EVERY)
            except Exception as error:
                # The thread must not end. The connection may be lost.
                self._database.submit(connections.close_all)
                self._errors.log(error)
                await asyncio.sleep(AFTER_ERROR)
            await asyncio.sleep(min(self._pace.pause(process_time() - began), LONGEST_PAUSE))
        await self._wait(GRACE)
        with suppress(Error):
            await self._turn()
        self._database.submit(connections.close_all)

    async def _wait(self, seconds: float) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds)
        elif not self._is_stopped:
            await asyncio.sleep(seconds)

    async def _turn(self) -> None:
        for target in [target for target, task in self._tasks.items() if task.done()]:
            self._attempts += self._tasks.pop(target).result()
        if self._attempts or self._may_send:
            busy = [*self._tasks]
            run = partial(self._in_database, self._attempts, busy)
            rendered = await asyncio.get_running_loop().run_in_executor(self._database, run)
            for target, messages in rendered.items():
                self._tasks[target] = asyncio.create_task(self._tell(target[0], messages))

    def _in_database(
        self, attempts: list[Attempt], busy: Sequence[Target]
    ) -> dict[Target, list[Rendered]]:
        """Stores the attempts, which it takes off the list, and returns what is due to targets that
        are not busy."""
        deliveries.record([(*attempt, self._pause(*attempt)) for attempt in attempts])
        stored = [*attempts]
        attempts.clear()
        for delivery, outcome in stored:
            self._channels[delivery.channel].ended(delivery, outcome)
        rendered: dict[Target, list[Rendered]] = {}
        if self._may_send:
            limit = FEW if self._pace.is_busy else BATCH
            due = deliveries.due([*self._channels], busy, targets=MOST_TARGETS, limit=limit)
            orders = orders_of(due)
            for name, of_channel in groupby(due, lambda delivery: delivery.channel):
                channel, rows = self._channels[name], [*of_channel]
                channel.read(rows, orders)
                for row in rows:
                    message = _message(channel, row)
                    rendered.setdefault((name, row.target), []).append((row, message))
        return rendered

    async def _tell(self, name: str, messages: Sequence[Rendered]) -> list[Attempt]:
        """Attempts the deliveries to a target: those of one object one after the other."""
        objects: dict[str, list[Rendered]] = {}
        for delivery, message in messages:
            objects.setdefault(delivery.object, []).append((delivery, message))
        channel, slots, age = self._channels[name], Semaphore(AT_ONCE), Stopwatch()
        attempts: list[Attempt] = []

        async def tell(of_object: Sequence[Rendered]) -> None:
            async with slots:
                for delivery, message in of_object:
                    if not self._may_send or age.seconds > LONGEST:
                        return
                    attempts.append((delivery, await _attempt(channel, message)))

        async with asyncio.TaskGroup() as group:
            for of_object in objects.values():
                group.create_task(tell(of_object))
        return attempts

    def _pause(self, delivery: Delivery, outcome: Outcome) -> float | None:
        """Returns the seconds until the next attempt; None if there is none."""
        pauses = self._channels[delivery.channel].pauses
        if not isinstance(outcome, Again) or delivery.attempts >= len(pauses):
            return None
        pause = pauses[delivery.attempts] * self._random.uniform(1, 1 + JITTER)
        return max(pause, min(outcome.after, MOST_SECONDS))


def _message(channel: Channel, delivery: Delivery) -> Any:
    """Returns the message of a delivery, or the outcome of its attempt."""
    try:
        message = channel.prepare(delivery)
    except Error:
        raise
    except Exception as error:
        return _failure(error)
    return Outcome(OVERTAKEN) if message is None else message


async def _attempt(channel: Channel, message: Any) -> Outcome:
    if isinstance(message, Outcome):
        return message
    try:
        async with asyncio.timeout(LONGEST):
            return await channel.send(message)
    except TimeoutError:
        return Again("no answer in time")
    except Exception as error:
        return _failure(error)


def _failure(error: Exception) -> Outcome:
    """Logs an error: a delivery that cannot be sent must not stop those after it."""
    logger.error("A delivery could not be sent.", exc_info=error)
    return Again(f"error: {type(error).__name__}")


_DO = "Deliveries wait. If this repeats, check the database."
