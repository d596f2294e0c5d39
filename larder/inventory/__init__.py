"""Stock (available and committed units) and the append-only ledger."""

__all__ = ["changes", "errors", "queries", "services"]
