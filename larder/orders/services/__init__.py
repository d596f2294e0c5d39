"""Every write of orders, one file per use case."""
