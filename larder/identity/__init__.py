"""Accounts, credentials, sessions, tokens, rate limits and the audit trail."""
