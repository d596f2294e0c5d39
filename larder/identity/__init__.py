"""Accounts, credentials, sessions, tokens, rate limits and the audit trail."""

__all__ = [
    "attempts",
    "audit",
    "audit_queries",
    "caller",
    "client_address",
    "errors",
    "hashers",
    "key_queries",
    "notifier",
    "ordering",
    "permissions",
    "queries",
    "quotas",
    "rates",
    "rates_in_cache",
    "second_factor",
    "services",
    "token_policies",
    "tokens",
]
