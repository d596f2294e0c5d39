"""The relay: tells committed events to other systems and to people, by channels."""
