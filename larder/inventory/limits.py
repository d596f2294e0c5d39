"""How many units there can be."""

MOST_STOCK = 2**31 - 1
"""The most units of a product that can be available, or committed."""
