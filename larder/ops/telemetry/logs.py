"""The log: JSON, one line for each event, without values of rows.

The log may go to a full disk, or to a pipe whose reader has ended or has stopped reading. A write
to such a pipe blocks, and with it all threads that log, also after their commits. So one thread
writes. Other threads wait for it, so that a line is in the log before the answer is sent. If it
does not write in time, lines are queued, and dropped when the queue is full.
"""

import json
import os
import re
import sys
from contextlib import suppress
from datetime import UTC, datetime
from logging import Formatter, LogRecord, StreamHandler, getLogger
from queue import Full, Queue
from threading import Event, Thread
from typing import Any

from larder.core.ids import CORRELATION_ID

_VALUES = re.compile(
    r"\n(?:DETAIL|CONTEXT):.*?(?=\n\n(?:The above exception was|During handling of)|\Z)", re.DOTALL
)
"""Matches up to the next exception of a traceback, because a value may have several lines."""


class JsonLine(Formatter):
    """Formats an event as JSON, with the values that a call of the logger names
    (`extra={"details": {…}}`) and the id of the request or job, null outside of one."""

    def format(self, record: LogRecord) -> str:
        """Returns a line. What was raised names an event that has no text."""
        line: dict[str, Any] = {"event": record.getMessage(), **getattr(record, "details", {})}
        line |= {"level": record.levelname.lower(), "logger": record.name}
        at = datetime.fromtimestamp(record.created, UTC).isoformat()
        line["timestamp"] = at.replace("+00:00", "Z")
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
            line["event"] = line["event"] or line["exception"].rpartition("\n")[2]
        line.setdefault("correlation_id", CORRELATION_ID.get())
        return json.dumps(
            {name: without_values(value) for name, value in line.items()}, default=str
        )


def without_values(value: Any) -> Any:
    """Returns a value without those of rows, such as names and hashes, of the database's errors."""
    return _VALUES.sub("", value) if isinstance(value, str) else value


def logging_settings(level: str) -> dict[str, Any]:
    """Returns Django's LOGGING for this level of our messages."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonLine}},
        "filters": {
            # Any client can cause 503 by load. The access log has them, and an unreachable database
            # is logged separately. A 503 with an exception is an error after a commit.
            "except refusals": {
                "()": "django.utils.log.CallbackFilter",
                "callback": lambda record: (
                    record.exc_info or getattr(record, "status_code", 0) != 503
                ),
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"level": "WARNING"},
            "django.request": {"level": "ERROR", "filters": ["except refusals"]},
            # Any client can send an unknown Host, or an address or a body that is too long. All are
            # answered, and none is an error of the server.
            "django.security": {"level": "CRITICAL"},
            "django.security.csrf": {"level": "WARNING"},
            # A lost connection is reported once, by the request that used it.
            "psycopg.pool": {"level": "ERROR"},
            # It writes the id of each passkey that is used.
            "fido2": {"level": "WARNING"},
        },
    }


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
