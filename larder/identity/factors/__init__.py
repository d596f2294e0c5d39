"""The second factors of staff: codes of an app, one-time codes, passkeys. No database."""

__all__ = ["codes", "passkeys"]
