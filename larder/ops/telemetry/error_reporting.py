"""Reports errors to Sentry if SENTRY_DSN is set. Sentry's library is imported nowhere else.

An event has the error, its traceback and the correlation id, but nothing from the client: no body,
header, cookie, query, or local variable. So no secrets have to be filtered out.
"""

from functools import partial
from typing import Any

import sentry_sdk
from django.conf import settings
from sentry_sdk.integrations.atexit import AtexitIntegration

from larder.core.ids import CORRELATION_ID
from larder.ops.telemetry import at_end
from larder.ops.telemetry.logs import without_values


def start() -> None:
    """Sends each logged error to Sentry, once, from now on."""
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        auto_enabling_integrations=False,
        # At the end Sentry would write on the terminal that it is sending events.
        integrations=[AtexitIntegration(callback=lambda *_: None)],
        send_default_pii=False,
        max_request_body_size="never",
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
        server_name="",
        before_send=_event,
    )
    at_end(partial(sentry_sdk.flush, timeout=2.0))


def _event(event: Any, hint: dict[str, Any]) -> Any:
    """Returns the event to send, with the correlation id."""
    event.setdefault("tags", {})["correlation_id"] = CORRELATION_ID.get() or ""
    for unwanted in ("request", "user", "extra", "breadcrumbs"):
        event.pop(unwanted, None)
    for error in event.get("exception", {}).get("values", ()):
        error["value"] = without_values(error.get("value"))
    return event
