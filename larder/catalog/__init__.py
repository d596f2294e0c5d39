"""The catalogue: products, categories, prices."""
