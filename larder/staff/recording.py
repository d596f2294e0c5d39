"""Records in the audit trail what staff do in the admin, and shows what they are refused."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.template.response import TemplateResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext

from larder.core.clock import now
from larder.core.errors import NotStaff, PermissionMissing
from larder.db.idempotency import RETENTION, Claim, Scope, fingerprint
from larder.http import problems
from larder.http.admin_session import session_of
from larder.http.authentication import proven_factor
from larder.http.negotiation import prefers_page
from larder.identity.caller import Caller
from larder.identity.errors import SessionEnded
from larder.identity.services import audit
from larder.staff.language import gettext_lazy as _

CHANNEL = "admin"
FORMER = (SessionEnded, NotStaff, PermissionMissing)
"""Refusals of services, if the session ended or the permission was taken away before they had their
locks."""


ENDED = _("Your session has ended. Log in again.")
NOT_ALLOWED = _(
    "The role of your account does not allow this page. If you need it, ask a colleague who may "
    "manage rights, such as an owner of the shop, for another role."
)


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


def recording(view: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps a view of the admin, so that the services record what it changes, and a refusal is
    shown with the menu."""

    @wraps(view)
    def recorded(request: Any, *args: Any, **kwargs: Any) -> Any:
        with audit.acting(request.user.public_id, CHANNEL):
            try:
                return view(request, *args, **kwargs)
            except (PermissionDenied, *FORMER) as refusal:
                text = str(ENDED if isinstance(refusal, SessionEnded) else NOT_ALLOWED)
                if not prefers_page(request):
                    raise PermissionDenied(text) from refusal
                title = gettext("Not allowed")
                context = {**admin.site.each_context(request), "title": title, "text": text}
                answer = TemplateResponse(request, "staff/forbidden.html", context)
                patch_vary_headers(answer, ["Accept"])
                return problems.mark(answer, PermissionMissing(""))

    return recorded
