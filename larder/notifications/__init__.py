"""Notifications: mails and the state of their delivery."""
