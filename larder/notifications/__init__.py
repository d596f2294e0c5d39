"""Notifications: mails that wait, and their delivery."""
