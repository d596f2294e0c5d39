"""Orders: their lines, their status, and the events of their changes."""

__all__ = ["amounts", "decision", "errors", "lifecycle", "payment_state", "queries", "services"]
