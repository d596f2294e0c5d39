"""The fast path: answers orders and pages of the product list before Django does."""
