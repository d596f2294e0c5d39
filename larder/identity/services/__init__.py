"""All writes of identity, one file for each group of use cases."""

__all__ = [
    "accounts",
    "addresses",
    "credentials",
    "email_changes",
    "invitations",
    "keys",
    "passwords",
    "repeats",
    "resets",
    "restored",
    "rights",
    "second_factors",
    "sessions",
]
