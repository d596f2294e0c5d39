"""The writes of orders, one file for each use case."""

__all__ = [
    "abandon",
    "cart",
    "changes",
    "confirm_order",
    "contended",
    "drafts",
    "expire_drafts",
    "expire_holds",
    "locks",
    "moves",
    "notes",
    "payments",
    "place_order",
    "placement",
    "refusals",
    "returns",
    "sales",
    "tags",
    "transitions",
]
