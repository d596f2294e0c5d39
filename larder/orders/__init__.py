"""Orders: their lines, their status, and the events of their changes."""

__all__ = ["decision", "errors", "lifecycle", "queries", "services"]
