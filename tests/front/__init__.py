"""The event loop in front of Django."""
