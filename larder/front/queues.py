"""Which requests wait for one another on the event loop: those of a customer, and those of an
address without a credential, such as log-ins. So a few clients cannot take all threads and
connections of a process."""

from collections.abc import Hashable, Mapping
from typing import Any

from django.conf import settings

from larder.front import orders
from larder.front.turns import Queue
from larder.http.addresses import client_address
from larder.http.authentication import remembered_caller
from larder.http.positions import SAFE

READING = 6
"""Requests of a queue that read and run at once. Browsers open as many connections to a server."""

WRITING = 2
"""Requests of a queue that write and run at once. They often need the same rows."""

WAITING_OF_AN_ACCOUNT = 16
"""An app can send several requests at once."""

WAITING_OF_AN_ADDRESS = 64
"""Many clients can have one address."""


def queue_of(environ: Mapping[str, Any]) -> Queue | None:
    """Returns the queue of a request.

    None for orders, which have their own queue, and for writes of staff, whose programs send in
    parallel for many accounts. The browsers of an address, which send a cookie, have one queue.
    """
    method = environ["REQUEST_METHOD"]
    if (method, environ["PATH_INFO"]) == (orders.METHOD, orders.PATH):
        return None
    header = environ.get("HTTP_AUTHORIZATION")
    if header is None:
        address = client_address(environ, settings.TRUSTED_PROXIES)
        if "HTTP_COOKIE" in environ:
            return Queue((address, "browsers"), READING, WAITING_OF_AN_ADDRESS)
        return _queue(address, method, WAITING_OF_AN_ADDRESS)
    who = remembered_caller(header)
    if who is not None and who.is_staff and method not in SAFE:
        return None
    # Before its first answer, a credential stands for its account.
    return _queue(header if who is None else who.id, method, WAITING_OF_AN_ACCOUNT)


def _queue(key: Hashable, method: str, waiting: int) -> Queue:
    if method in SAFE:
        return Queue((key, "reads"), READING, waiting)
    return Queue((key, "writes"), WRITING, waiting)
