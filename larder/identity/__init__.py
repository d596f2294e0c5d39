"""Accounts, credentials, sessions, tokens and rate limits."""

__all__ = [
    "attempts",
    "caller",
    "client_address",
    "errors",
    "hashers",
    "notifier",
    "ordering",
    "queries",
    "rates",
    "rates_in_cache",
    "services",
    "token_policies",
    "tokens",
]
