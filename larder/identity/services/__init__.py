"""Every write of identity, one file per group of use cases."""

__all__ = [
    "accounts",
    "addresses",
    "credentials",
    "email_changes",
    "keys",
    "passwords",
    "repeats",
    "resets",
    "restored",
    "sessions",
]
