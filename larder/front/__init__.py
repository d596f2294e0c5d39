"""The event loop in front of Django: reads requests, and runs Django in threads."""
