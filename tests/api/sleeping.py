"""A server's application that takes its time, behind the door that refuses and without it."""

import os
from collections.abc import Iterable
from time import sleep
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from larder.api.admission import Admission  # noqa: E402  needs the settings

SECONDS = 0.05


def unguarded(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Every request takes a thread for SECONDS."""
    sleep(SECONDS)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


application = Admission(unguarded)
