"""Accounts, credentials, sessions, tokens, rate limits and the audit trail."""

__all__ = [
    "audit",
    "caller",
    "errors",
    "hashers",
    "notifier",
    "ordering",
    "passkeys",
    "permissions",
    "queries",
    "quotas",
    "rates",
    "second_factor",
    "services",
    "tokens",
]
