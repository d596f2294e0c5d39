"""Writes the log of a process that serves: a request never waits long for whatever reads it.

A log may go to a full disk, or to a pipe whose reader is gone or has stopped reading. A write to
the last one blocks, and with it every thread that logs, also after its commit. So one thread
writes. Others wait for it, so that a line is in the log before its answer leaves. If it does not
write in time, lines are queued, and dropped when the queue is full.
"""

import os
import sys
from contextlib import suppress
from logging import StreamHandler, getLogger
from queue import Full, Queue
from threading import Event, Thread

MOST_LINES = 10_000
"""Kept while nothing can be written; more are dropped."""
LINE_TIMEOUT = 0.1
"""Seconds for which a thread waits for its lines; none while earlier lines cannot be written."""


class LogWriter:
    """A text stream in the place of standard error."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: Queue[tuple[bytes, Event]] = Queue(MOST_LINES)
        self._stalled = False
        Thread(target=self._run, name="log", daemon=True).start()

    def write(self, text: str) -> int:
        """Write a line, as far as it can be written. Raises nothing."""
        self.write_bytes(text.encode(errors="backslashreplace"))
        return len(text)

    def write_bytes(self, lines: bytes) -> None:
        """Write whole lines likewise."""
        written = Event()
        with suppress(Full):
            self._waiting.put_nowait((lines, written))
            if not self._stalled:
                self._stalled = not written.wait(LINE_TIMEOUT)

    def flush(self) -> None:
        """Do nothing: what was written is not kept here."""

    def _run(self) -> None:
        while True:
            lines, written = self._waiting.get()
            # A disk that is full, a reader that is gone: there is no other place to say so.
            with suppress(OSError):
                while lines:
                    lines = lines[os.write(self._descriptor, lines) :]
            self._stalled = False
            written.set()


_of_this_process: list[LogWriter] = []


def start() -> None:
    """Let a thread of this process write its log from now on."""
    writer = LogWriter(2)
    _of_this_process[:] = [writer]
    for handler in getLogger().handlers:
        if isinstance(handler, StreamHandler) and handler.stream is sys.stderr:
            # Not setStream(), which flushes what the former one could not write.
            handler.stream = writer


def write(lines: bytes) -> None:
    """Write whole lines to the log of this process."""
    if _of_this_process:
        _of_this_process[0].write_bytes(lines)
    else:
        sys.stderr.buffer.write(lines)
        sys.stderr.buffer.flush()
