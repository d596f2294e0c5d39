"""What every module needs of PostgreSQL: connections, idempotency, the feed, replicas."""
