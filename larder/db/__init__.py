"""What every module needs of PostgreSQL: connections, idempotency, the feed, replicas."""

__all__ = [
    "constraints",
    "database",
    "feed",
    "fields",
    "idempotency",
    "observations",
    "positions",
    "postgresql",
    "replicas",
    "versions",
]
