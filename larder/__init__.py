"""Larder: the ordering backend behind a mobile app.

docs/explain/architecture.md shows its parts.
"""
