"""Accounts, credentials, sessions, tokens, rate limits and the audit trail."""

__all__ = [
    "caller",
    "errors",
    "factors",
    "hashers",
    "permissions",
    "queries",
    "services",
    "tokens",
]
