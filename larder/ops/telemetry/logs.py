"""The log: JSON, one line for each event, without values of rows."""

import json
import re
from datetime import UTC, datetime
from logging import Formatter, LogRecord
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
                "callback": lambda one: one.exc_info or getattr(one, "status_code", 0) != 503,
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
            "procrastinate": {"level": "WARNING"},
            # It writes the id of each passkey that is used.
            "fido2": {"level": "WARNING"},
        },
    }
