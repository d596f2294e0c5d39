"""Who the customers are: accounts, credentials, sessions, tokens."""

__all__ = [
    "attempts",
    "caller",
    "client_address",
    "doors",
    "errors",
    "hashers",
    "ordering",
    "queries",
    "rates",
    "rates_in_cache",
    "services",
    "telling",
    "tokens",
]
