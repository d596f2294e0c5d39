"""What answers before Django does: orders, and pages of the product list."""
