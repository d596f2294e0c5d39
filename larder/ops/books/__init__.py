"""Proves the books: invariants of orders, stock and payments, each a statement in SQL."""
