"""How long what people enter may be."""

LONGEST_USERNAME = 150
"""Characters, in Unicode's normal form KC."""
