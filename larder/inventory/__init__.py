"""Stock (available and committed units) and the append-only ledger."""

__all__ = ["errors", "queries", "services"]
