"""The admin of accounts, keys and the audit trail, and the pages of log-in and own account."""
