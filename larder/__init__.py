"""Larder: the ordering backend behind a mobile app.

docs/explanation/architecture.md shows its parts.
"""
