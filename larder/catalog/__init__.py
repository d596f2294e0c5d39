"""What is sold and for how much: products, categories, prices."""
