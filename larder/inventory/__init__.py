"""How many there are: stock (available, committed) and the append-only ledger."""

__all__ = ["changes", "errors", "queries", "services"]
