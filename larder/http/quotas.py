"""Headers about quotas: draft-ietf-httpapi-ratelimit-headers-10, one policy for each quota.

`RateLimit-Policy: "orders";q=120;w=3600` and `RateLimit: "orders";r=118;t=30`. `t` is the time
until the quota has one more unit: it refills evenly, and the draft allows a `t` at which only a
part of the quota is available again.
"""

import math
import threading

from django.http.response import HttpResponseBase

from larder.identity.services.quotas import Left

HEADERS = frozenset({"RateLimit", "RateLimit-Policy"})


class _Request(threading.local):
    left: Left | None = None


_request = _Request()


def restart() -> None:
    """Forgets what the request before took. Called when a request begins."""
    note(None)


def note(left: Left | None) -> None:
    """Notes what the request of this thread left of its quota, for its answer."""
    _request.left = left


def quota_headers(left: Left) -> dict[str, str]:
    """Returns the headers of an answer to a request that took from a quota, or was refused one."""
    times, seconds = left.rate
    return {
        "RateLimit-Policy": f'"{left.name}";q={times};w={seconds}',
        "RateLimit": f'"{left.name}";r={left.units};t={math.ceil(left.wait)}',
    }


def add_quota_headers(response: HttpResponseBase) -> None:
    """Adds the headers to a success, if the request of this thread took from a quota."""
    left = _request.left
    if left is not None and response.status_code < 300:
        for name, value in quota_headers(left).items():
            response.headers[name] = value
