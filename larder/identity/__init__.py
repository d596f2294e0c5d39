"""Accounts, credentials, sessions, tokens, rate limits and the audit trail."""

__all__ = [
    "caller",
    "errors",
    "factors",
    "ordering",
    "passwords",
    "permissions",
    "queries",
    "services",
    "tokens",
]
