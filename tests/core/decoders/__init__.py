"""Decoders that a child process runs in tests."""
