"""Who is told what happened: mails, and how far each has come."""

__all__ = ["delivery", "errors", "letters", "queries", "services"]
