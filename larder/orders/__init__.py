"""Orders: their lines, their status, and the events of their changes."""
