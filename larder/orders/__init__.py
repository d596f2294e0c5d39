"""Orders: what customers asked for, what became of it, and who changed what."""

__all__ = ["decision", "errors", "lifecycle", "queries", "services"]
