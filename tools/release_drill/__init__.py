"""Release the present commit over the last release and back, rotate secrets, restart the worker and
PostgreSQL and reload nginx, while clients that never repeat a request use the shop.

No request may fail. While PostgreSQL is away, 503 with Retry-After is allowed, for 15 seconds.
"""
