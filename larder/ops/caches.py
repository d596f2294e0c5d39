"""CACHE_URL: a cache that all servers share, if one is set."""

from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

TIMEOUT = 0.5
"""Seconds that a request waits for the cache before it continues without it."""

FORMS = "redis://host:6379/0, rediss://…, or memcached://host:11211,other:11211"


def caches(url: str) -> dict[str, dict[str, Any]]:
    """Returns Django's CACHES. Without a URL each process has a separate cache.

    >>> caches("")["default"]["BACKEND"].rpartition(".")[2]
    'LocMemCache'
    >>> caches("memcached://one:11211,two:11212")["default"]["LOCATION"]
    ['one:11211', 'two:11212']

    Raises ImproperlyConfigured.
    """
    scheme, _, rest = url.partition("://")
    if not url:
        return {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    if scheme in {"redis", "rediss"} and urlsplit(url).hostname:
        return _shared("redis.RedisCache", url, _REDIS)
    hosts = [host for host in rest.strip("/").split(",") if host]
    if scheme == "memcached" and hosts:
        return _shared("memcached.PyMemcacheCache", hosts, _MEMCACHED)
    # The message does not contain the URL, which may have a password.
    raise ImproperlyConfigured(f"CACHE_URL is not a URL that Larder knows. Write it as {FORMS}.")


_REDIS = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
_MEMCACHED = {
    "timeout": TIMEOUT,
    "connect_timeout": TIMEOUT,
    # A server that does not answer is tried again after this time. Meanwhile the others have its
    # keys.
    "retry_attempts": 0,
    "dead_timeout": 5,
    "use_pooling": True,
    "max_pool_size": 8,
}


def _shared(backend: str, location: str | list[str], options: dict[str, Any]) -> dict[str, Any]:
    return {
        "default": {
            "BACKEND": f"django.core.cache.backends.{backend}",
            "LOCATION": location,
            "KEY_PREFIX": "larder",
            "OPTIONS": options,
        }
    }
