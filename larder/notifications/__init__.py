"""Notifications: mails and the state of their delivery."""

__all__ = ["delivery", "errors", "letters", "queries", "services"]
