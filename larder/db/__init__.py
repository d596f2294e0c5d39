"""Access to PostgreSQL for all modules: connections, idempotency, the change feed, replicas."""

__all__ = [
    "constraints",
    "database",
    "feed",
    "fields",
    "idempotency",
    "kept_files",
    "observations",
    "pages",
    "positions",
    "postgresql",
    "replicas",
    "versions",
]
