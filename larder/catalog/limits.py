"""How long what staff enter may be."""

LONGEST_NAME = 1024
"""Characters of a product's name."""
