"""What happens to a shop, and what must hold meanwhile."""
