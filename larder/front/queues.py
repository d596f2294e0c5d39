"""Which requests wait for one another on the event loop: writes of a customer, and those of an
address without a credential, such as log-ins."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from larder.front.turns import Queue
from larder.http.authentication import remembered_caller
from larder.http.client_address import client_address
from larder.http.positions import SAFE

RUNNING = 2
"""Requests of a queue that run at once. They often need the same rows."""

WAITING_OF_A_CUSTOMER = 16
"""An app can send several changes of a cart at once."""

WAITING_OF_AN_ADDRESS = 64
"""Many clients can have one address."""


def queue_of(environ: Mapping[str, Any]) -> Queue | None:
    """Returns the queue of a request; None for reads, for staff, whose programs send in parallel
    for many accounts, and for browsers, which send a cookie."""
    if environ["REQUEST_METHOD"] in SAFE or "HTTP_COOKIE" in environ:
        return None
    header = environ.get("HTTP_AUTHORIZATION")
    if header is None:
        address = client_address(environ, settings.TRUSTED_PROXIES)
        return Queue(address, RUNNING, WAITING_OF_AN_ADDRESS)
    who = remembered_caller(header)
    if who is not None and who.is_staff:
        return None
    # Before its first answer, a credential stands for its account.
    return Queue(header if who is None else who.id, RUNNING, WAITING_OF_A_CUSTOMER)
