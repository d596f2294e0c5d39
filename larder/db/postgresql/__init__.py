"""Django's PostgreSQL backend, with a pool that hands out no connection the server has closed."""

__all__ = ["bounded", "comments", "errors", "pool"]
