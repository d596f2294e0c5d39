"""How long what staff enter may be."""

LONGEST_NAME = 1024
"""Characters of a product's name."""

MOST_ROWS = 25_000
"""Rows of a file that is sent over HTTP: some four seconds, in which other files wait. The
management command takes files of any length."""
