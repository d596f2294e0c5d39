"""Access to PostgreSQL for all modules: connections, idempotency, the change feed, replicas."""

__all__ = [
    "constraints",
    "database",
    "feed",
    "fields",
    "idempotency",
    "leases",
    "observations",
    "pages",
    "positions",
    "postgresql",
    "replicas",
    "versions",
]
