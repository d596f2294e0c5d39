"""Headers about quotas: draft-ietf-httpapi-ratelimit-headers-10, one policy for each quota.

`RateLimit-Policy: "orders";q=120;w=3600` and `RateLimit: "orders";r=118;t=30`. `t` is the time
until the quota has one more unit: it refills evenly, and the draft allows a `t` at which only a
part of the quota is available again.
"""

import math

from django.http.response import HttpResponseBase

from larder.identity.services.quotas import Remaining, note, noted

HEADERS = frozenset({"RateLimit", "RateLimit-Policy"})


def restart() -> None:
    """Forgets what the request before took. Called when a request begins."""
    note(None)


def quota_headers(remaining: Remaining) -> dict[str, str]:
    """Returns the headers of an answer to a request that took from a quota, or was refused one."""
    times, seconds = remaining.rate
    return {
        "RateLimit-Policy": f'"{remaining.name}";q={times};w={seconds}',
        "RateLimit": f'"{remaining.name}";r={remaining.units};t={math.ceil(remaining.wait)}',
    }


NEAR = 10
"""Units. With more of them, and more than a quarter of the quota, an answer says nothing of it."""


def is_near(remaining: Remaining) -> bool:
    """Returns whether so little of the quota is left that the client should know."""
    return remaining.units <= max(NEAR, remaining.rate.times // 4)


def add_quota_headers(response: HttpResponseBase) -> None:
    """Adds the headers to a success, if the request of this thread left little of a quota."""
    remaining = noted()
    if remaining is not None and response.status_code < 300 and is_near(remaining):
        for name, value in quota_headers(remaining).items():
            response.headers[name] = value
