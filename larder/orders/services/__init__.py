"""The writes of orders, one file for each use case, and a folder for placing."""

__all__ = [
    "abandon",
    "cart",
    "changes",
    "confirm_order",
    "expire_holds",
    "locks",
    "moves",
    "payments",
    "placing",
    "transitions",
]
