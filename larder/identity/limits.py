"""How long what people enter may be."""

LONGEST_USERNAME = 150
"""Characters, in Unicode's normal form KC."""

LONGEST_CLIENT = 200
"""Characters that are kept of what a client says of itself."""
