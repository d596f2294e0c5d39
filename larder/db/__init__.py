"""Access to PostgreSQL for all modules: connections, idempotency, the change feed, replicas."""
