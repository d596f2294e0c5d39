"""All writes of identity, one file for each group of use cases."""

__all__ = [
    "accounts",
    "addresses",
    "attempts",
    "audit",
    "credentials",
    "keys",
    "notes",
    "passwords",
    "quotas",
    "rights",
    "second_factors",
    "sessions",
]
