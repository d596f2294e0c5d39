"""The admin of orders."""
