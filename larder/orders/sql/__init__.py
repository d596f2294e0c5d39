"""The SQL of orders, and the plans that it relies on.

Tests compare the statements with the ORM (tests/orders/test_*sql.py), and the feed with the current
orders (test_order_feed.py). Locks alone have no such test.

Docstrings say what the ORM lacks, or what its version takes: medians on two cores, with the
database on the same machine.
"""
