"""The log: JSON, one line for each event, without values of rows."""

import re
from collections.abc import MutableMapping
from typing import Any

import structlog

from larder.core.ids import CORRELATION_ID


def with_correlation_id(
    logger: Any, method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Adds the id of the request or job; null outside of one."""
    line.setdefault("correlation_id", CORRELATION_ID.get())
    return line


def with_details(
    logger: Any, method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Adds the values that a call of the logger names: `extra={"details": {…}}`."""
    line.update(getattr(line["_record"], "details", {}))
    return line


def with_event(
    logger: Any, method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Names what was raised, if a library logs an error that has no text."""
    line["event"] = line.get("event") or line.get("exception", "").rpartition("\n")[2]
    return line


def without_values(
    logger: Any, method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Removes the values of rows, such as names and hashes, from errors of the database."""
    for name, value in line.items():
        if isinstance(value, str):
            line[name] = _VALUES.sub("", value)
    return line


_VALUES = re.compile(
    r"\n(?:DETAIL|CONTEXT):.*?(?=\n\n(?:The above exception was|During handling of)|\Z)", re.DOTALL
)
"""Matches up to the next exception of a traceback, because a value may have several lines."""


PROCESSORS: list[Any] = [
    with_details,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    with_event,
    without_values,
    with_correlation_id,
]


def logging_settings(level: str) -> dict[str, Any]:
    """Returns Django's LOGGING for this level of our messages."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": PROCESSORS,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.JSONRenderer(),
                ],
            }
        },
        "filters": {
            # Any client can cause 503 by load. The access log has them, and an unreachable database
            # is logged separately. A 503 with an exception is an error after a commit.
            "except refusals": {
                "()": "django.utils.log.CallbackFilter",
                "callback": lambda one: one.exc_info or getattr(one, "status_code", 0) != 503,
            }
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "json",
            }
        },
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
