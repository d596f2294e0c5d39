"""A WSGI application without the limit on nesting: it decodes what it is sent."""

import os
from collections.abc import Iterable
from typing import Any

import django
import msgspec

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "larder.config.settings")
django.setup()

from larder.front.application import Front  # noqa: E402
from larder.front.threads import Threads  # noqa: E402


def decode(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answers 200 for JSON, 400 for other bytes and for JSON that is nested too deeply."""
    raw = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    try:
        msgspec.json.decode(raw)
        status = "200 OK"
    except (msgspec.DecodeError, RecursionError):
        status = "400 Bad Request"
    start_response(status, [("Content-Length", "0")])
    return [b""]


application = Front(decode, Threads(2), {}, lambda _: None)
