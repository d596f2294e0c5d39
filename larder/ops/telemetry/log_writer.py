"""Writes the log of a server process. A request does not wait long for the reader of the log.

The log may go to a full disk, or to a pipe whose reader has ended or has stopped reading. A write
to such a pipe blocks, and with it all threads that log, also after their commits. So one thread
writes. Other threads wait for it, so that a line is in the log before the answer is sent. If it
does not write in time, lines are queued, and dropped when the queue is full.
"""

import os
import sys
from contextlib import suppress
from logging import StreamHandler, getLogger
from queue import Full, Queue
from threading import Event, Thread

MOST_LINES = 10_000
"""Lines that are queued while nothing can be written. Further lines are dropped."""
LINE_TIMEOUT = 0.1
"""Seconds for which a thread waits for its lines; none while earlier lines cannot be written."""


class LogWriter:
    """A text stream in place of standard error."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: Queue[tuple[bytes, Event]] = Queue(MOST_LINES)
        self._stalled = False
        Thread(target=self._run, name="log", daemon=True).start()

    def write(self, text: str) -> int:
        """Write a line if it can be written. Raises nothing."""
        self.write_bytes(text.encode(errors="backslashreplace"))
        return len(text)

    def write_bytes(self, lines: bytes) -> None:
        """Write whole lines if they can be written. Raises nothing."""
        written = Event()
        with suppress(Full):
            self._waiting.put_nowait((lines, written))
            if not self._stalled:
                self._stalled = not written.wait(LINE_TIMEOUT)

    def flush(self) -> None:
        """Do nothing: there is no buffer."""

    def _run(self) -> None:
        while True:
            lines, written = self._waiting.get()
            # The disk is full, or the reader has ended. There is no other place to report it.
            with suppress(OSError):
                while lines:
                    lines = lines[os.write(self._descriptor, lines) :]
            self._stalled = False
            written.set()


_of_this_process: list[LogWriter] = []


def start() -> None:
    """Start the thread that writes the log of this process."""
    writer = LogWriter(2)
    _of_this_process[:] = [writer]
    for handler in getLogger().handlers:
        if isinstance(handler, StreamHandler) and handler.stream is sys.stderr:
            # Not setStream(), which flushes the former stream and may block.
            handler.stream = writer


def write(lines: bytes) -> None:
    """Write whole lines to the log of this process."""
    if _of_this_process:
        _of_this_process[0].write_bytes(lines)
    else:
        sys.stderr.buffer.write(lines)
        sys.stderr.buffer.flush()
