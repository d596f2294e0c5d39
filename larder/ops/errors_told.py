"""Errors, told to Sentry where SENTRY_DSN is set; nothing of it is imported elsewhere.

An event has the error, where it came from and the correlation id, and nothing that a client sent:
no body, no header, no cookie, no query, no variable of a function. So no secret has to be found
and struck out.
"""

import logging
from functools import partial
from typing import Any

import sentry_sdk
from django.conf import settings
from django_guid import get_guid
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.integrations.threading import ThreadingIntegration

from larder.ops.endings import at_end


def start() -> None:
    """What is logged as an error from now on is an event; once for each error."""
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        environment=settings.SENTRY_ENVIRONMENT,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            LoggingIntegration(level=None, event_level=logging.ERROR),
            AtexitIntegration(callback=_say_nothing),
            DedupeIntegration(),
            ExcepthookIntegration(),
            ThreadingIntegration(),
        ],
        send_default_pii=False,
        max_request_body_size="never",
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
        server_name="",
        before_send=_told,
    )
    at_end(partial(sentry_sdk.flush, timeout=2.0))


def _say_nothing(pending: int, seconds: float) -> None:
    """At the end Sentry would write on the terminal that it waits to be rid of events."""


def _told(event: Any, hint: dict[str, Any]) -> Any:
    """The event as it leaves: with the id, and the plain message of a structured line."""
    event.setdefault("tags", {})["correlation_id"] = get_guid() or ""
    for unwanted in ("request", "user", "extra", "breadcrumbs"):
        event.pop(unwanted, None)
    record = hint.get("log_record")
    if record is not None and isinstance(record.msg, dict):
        event["logentry"] = {"message": str(record.msg.get("event", ""))}
    for error in event.get("exception", {}).get("values", ()):
        error["value"] = _without_values(error)
    return event


def _without_values(error: dict[str, Any]) -> str:
    """Messages of the database tell the values of the row that it refused (DETAIL)."""
    return str(error.get("value", "")).partition("\nDETAIL:")[0]
