"""Who uses the admin, as the services and the audit trail know them."""

from typing import Any

from larder.core.clock import now
from larder.core.errors import NotStaff, PermissionMissing
from larder.db.idempotency import RETENTION, Claim, Scope, fingerprint
from larder.http.admin_session import session_of
from larder.http.authentication import proven_factor
from larder.identity.caller import Caller
from larder.identity.errors import SessionEnded

CHANNEL = "admin"
FORMER = (SessionEnded, NotStaff, PermissionMissing)
"""Refusals of services, if the session ended or the permission was taken away before they had their
locks."""


def caller_of(request: Any) -> Caller:
    """Returns the member of staff who uses the admin."""
    user = request.user
    return Caller(
        user.pk,
        user.public_id,
        user.is_staff,
        session=session_of(request),
        permissions=frozenset(user.get_all_permissions()),
        factor=proven_factor(request),
    )


def claim(caller: Caller, operation: str, key: Any, *content: object) -> Claim:
    """Returns the claim of a form: its key, and what was sent with it."""
    scope = Scope(caller.public_id, f"POST admin/{operation}", str(key))
    return Claim(scope, fingerprint(*content), expires_at=now() + RETENTION)
