"""Larder: the ordering backend behind a mobile app. docs/architecture.md shows its parts."""
