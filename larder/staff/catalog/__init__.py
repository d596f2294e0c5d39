"""The admin of products and categories."""
