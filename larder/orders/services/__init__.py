"""The writes of orders, one file for each use case."""

__all__ = [
    "abandon",
    "cart",
    "changes",
    "contended",
    "drafts",
    "expire_drafts",
    "locks",
    "moves",
    "place_order",
    "placement",
    "returns",
    "transitions",
]
