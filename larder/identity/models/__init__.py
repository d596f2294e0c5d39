"""The tables of identity: accounts, their credentials, and the audit trail."""

from larder.identity.models.accounts import (
    SEARCH_TEXT,
    Address,
    Customer,
    EmailChange,
    Note,
)
from larder.identity.models.audit import AuditEntry
from larder.identity.models.credentials import (
    Key,
    PasswordReset,
    RecoveryCode,
    SecondFactor,
    Session,
)

__all__ = [
    "SEARCH_TEXT",
    "Address",
    "AuditEntry",
    "Customer",
    "EmailChange",
    "Key",
    "Note",
    "PasswordReset",
    "RecoveryCode",
    "SecondFactor",
    "Session",
]
