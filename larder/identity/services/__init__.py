"""All writes of identity, one file for each group of use cases."""

__all__ = [
    "accounts",
    "addresses",
    "audit",
    "credentials",
    "keys",
    "notes",
    "passwords",
    "quotas",
    "rates",
    "resets",
    "rights",
    "second_factors",
    "sessions",
]
