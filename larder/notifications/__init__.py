"""Notifications: mails and the state of their delivery."""

__all__ = ["delivery", "errors", "mail_texts", "queries", "services"]
