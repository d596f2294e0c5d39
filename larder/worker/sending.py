"""Sends the deliveries that are due, each target in a task of its own.

The event loop of one thread sends; statements and rendering run in another thread, one after the
other. If the process is killed, attempts that were not stored are made again.
"""

import asyncio
import logging
from asyncio import Semaphore, Task
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from secrets import SystemRandom
from threading import Event, Thread
from typing import TypeVar

from django.db import Error, connections

from larder.relay.channels import Again, Channel, Delivery, Failed, Outcome
from larder.relay.services import deliveries
from larder.worker.repeated_errors import RepeatedErrors

logger = logging.getLogger(__name__)

T = TypeVar("T")

EVERY = 0.2
"""Seconds between two looks for targets with deliveries that are due."""

BATCH = 50
"""Deliveries to a target that are read together, and whose attempts are stored together."""

AT_ONCE = 8
"""Deliveries to a target that are sent at once, of different objects."""

MOST_TARGETS = 200
"""Targets of a channel that are told at once. Others have their own: customers name the targets of
push messages, and slow ones must not hold up webhooks and mails."""

LONGEST = 30.0
"""Seconds after which an attempt is ended."""

MOST_SECONDS = 86_400.0
"""The longest pause that a target may ask for."""

JITTER = 0.1
"""The part of a pause that is added to it at most, so that repeats spread."""

AFTER_ERROR = 2.0
"""Seconds without a look after an error of the database."""

GRACE = 5.0
"""Seconds for which the end of the process waits for attempts."""

OVERTAKEN = "overtaken"
"""The outcome of a delivery about which there is nothing to tell any more."""


class Sender:
    """Sends from `start` to `stop`, while this worker is `leading`."""

    def __init__(self, channels: Sequence[Channel], leading: Event) -> None:
        self._channels = {channel.name: channel for channel in channels}
        self._tasks: dict[tuple[str, str], Task[None]] = {}
        self._random = SystemRandom()
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
            asyncio.run(self._main())

    async def _main(self) -> None:
        while not self._is_stopped:
            try:
                if self._may_send:
                    await self._look()
                await asyncio.sleep(EVERY)
            except Error as error:
                self._log(error)
                await asyncio.sleep(AFTER_ERROR)
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=GRACE)
        await self._in_database(connections.close_all)

    async def _look(self) -> None:
        """Starts a task for each target with due deliveries that has none."""
        due = partial(deliveries.due_targets, list(self._tasks), limit=MOST_TARGETS)
        for target in await self._in_database(due):
            if target[0] in self._channels:
                self._tasks[target] = asyncio.create_task(self._tell(*target))

    async def _tell(self, name: str, target: str) -> None:
        """Sends what is due to a target."""
        channel = self._channels[name]
        try:
            while self._may_send:
                due = partial(deliveries.due, name, target, limit=BATCH)
                batch = await self._in_database(due)
                if not batch:
                    break
                attempts = await self._attempts(channel, batch)
                await self._in_database(partial(self._store, channel, attempts))
        except Exception as error:
            self._log(error)
            await asyncio.sleep(AFTER_ERROR)
        finally:
            del self._tasks[name, target]

    async def _attempts(
        self, channel: Channel, batch: Sequence[Delivery]
    ) -> list[tuple[Delivery, Outcome]]:
        """Attempts each delivery: those of one object one after the other."""
        objects: dict[str, list[Delivery]] = {}
        for delivery in batch:
            objects.setdefault(delivery.object, []).append(delivery)
        slots = Semaphore(AT_ONCE)
        attempts: list[tuple[Delivery, Outcome]] = []

        async def tell(of_object: Sequence[Delivery]) -> None:
            async with slots:
                for delivery in of_object:
                    if not self._may_send:
                        return
                    attempts.append((delivery, await self._attempt(channel, delivery)))

        async with asyncio.TaskGroup() as group:
            for of_object in objects.values():
                group.create_task(tell(of_object))
        return attempts

    async def _attempt(self, channel: Channel, delivery: Delivery) -> Outcome:
        try:
            message = await self._in_database(partial(channel.prepare, delivery))
            if message is None:
                return Failed(OVERTAKEN)
            if isinstance(message, Outcome):
                return message
            async with asyncio.timeout(LONGEST):
                return await channel.send(message)
        except TimeoutError:
            return Again("no answer in time")
        except Error:
            raise
        except Exception as error:
            # A delivery that cannot be sent must not stop those after it.
            logger.exception("A delivery could not be sent.")
            return Again(f"error: {type(error).__name__}")

    def _store(self, channel: Channel, attempts: Sequence[tuple[Delivery, Outcome]]) -> None:
        deliveries.record(
            [
                (delivery.id, outcome, self._pause(channel, delivery, outcome))
                for delivery, outcome in attempts
            ]
        )
        for delivery, outcome in attempts:
            channel.ended(delivery, outcome)

    def _pause(self, channel: Channel, delivery: Delivery, outcome: Outcome) -> float | None:
        """Returns the seconds until the next attempt; None if there is none."""
        if not isinstance(outcome, Again) or delivery.attempts >= len(channel.pauses):
            return None
        pause = channel.pauses[delivery.attempts] * self._random.uniform(1, 1 + JITTER)
        return max(pause, min(outcome.after, MOST_SECONDS))

    async def _in_database(self, run: Callable[[], T]) -> T:
        """Runs a function in the thread with the connection, which it keeps."""
        return await asyncio.get_running_loop().run_in_executor(self._database, run)

    def _log(self, error: Exception) -> None:
        """Logs an error, and closes the connection, which may be lost."""
        self._database.submit(connections.close_all)
        self._errors.log(error)


_DO = "Deliveries wait. If this repeats, check the database."
