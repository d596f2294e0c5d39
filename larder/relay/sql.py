"""Reads facts, and writes and reads deliveries."""
