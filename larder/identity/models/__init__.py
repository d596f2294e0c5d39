"""The tables of identity: accounts, their credentials, and the audit trail."""

from larder.identity.models.accounts import (
    SEARCH_TEXT,
    Address,
    Customer,
    Note,
)
from larder.identity.models.audit import AuditEntry
from larder.identity.models.credentials import (
    Key,
    RecoveryCode,
    SecondFactor,
    Session,
)

__all__ = [
    "SEARCH_TEXT",
    "Address",
    "AuditEntry",
    "Customer",
    "Key",
    "Note",
    "RecoveryCode",
    "SecondFactor",
    "Session",
]
