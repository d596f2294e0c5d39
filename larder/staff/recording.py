"""Records in the audit trail what staff do in the admin, and what they are refused there."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext

from larder.core.errors import DomainError, NotStaff, PermissionMissing
from larder.http.authentication import proven_factor
from larder.identity import permissions
from larder.identity.caller import Caller
from larder.identity.errors import SessionEnded
from larder.identity.services import audit
from larder.staff.language import gettext_lazy as _
from larder.staff.page_permissions import needed

CHANNEL = "admin"


ENDED = _("Your session has ended.")


class ActionRefused(PermissionDenied):
    """The user lacks the permission of a page or of an action of a list, or the session ended."""

    def __init__(self, action: str, permission: str = "", text: str = "") -> None:
        super().__init__(text)
        self.action, self.permission = action, permission


def user_as_caller(request: Any) -> Caller:
    """Returns the user of the admin as a caller, without permissions."""
    user, factor = request.user, proven_factor(request)
    return Caller(
        user.pk,
        user.public_id,
        user.is_staff,
        session=None,
        epoch=user.session_epoch,
        factor=factor,
    )


def refuse_former(request: Any, refusal: DomainError, permission: str) -> None:
    """Raises ActionRefused if the session ended or the permission was taken away before the service
    had its locks. Does nothing for other refusals."""
    action = request.POST.get("action", "")
    if isinstance(refusal, SessionEnded):
        raise ActionRefused(action, permission, ENDED) from refusal
    if isinstance(refusal, NotStaff | PermissionMissing):
        text = gettext("You do not have the permission {permission} any more.").format(
            permission=refusal.permission
        )
        raise ActionRefused(action, refusal.permission, text) from refusal


def recording(admin_view: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps AdminSite.admin_view, so that the services record what its views change, and a page
    that is refused is recorded."""

    def recorded_view(view: Callable[..., Any], cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002
        @wraps(view)
        def recorded(request: Any, *args: Any, **kwargs: Any) -> Any:
            with audit.acting(request.user.public_id, CHANNEL):
                try:
                    return view(request, *args, **kwargs)
                except ActionRefused as refusal:
                    _record(request, refusal.permission, refusal.action)
                    raise
                except PermissionDenied:
                    _record(request)
                    raise

        return admin_view(recorded, cacheable)

    return recorded_view


def record_refusal(request: Any, refusal: DomainError) -> None:
    """Records the refusal of a service, if the user lacks a permission."""
    if isinstance(refusal, PermissionMissing):
        _record(request, refusal.permission)


def _record(request: Any, permission: str = "", action: str = "") -> None:
    """Records a refused page, or a refused action of a list, with the permission; without one, with
    that of the page or action that the user lacks."""
    by = audit.Acting(request.user.public_id, CHANNEL)
    name = page_name(request, action)
    audit.record_refusal(by, f"admin:{name}", permission or lacking(request, name))


def page_name(request: Any, action: str = "") -> str:
    """Returns the name of the page, or of this action of its list, for `needed`."""
    page = str(request.resolver_match.url_name or request.resolver_match.route)
    return page.replace("changelist", action) if action else page


def lacking(request: Any, page: str) -> str:
    """Returns the permission of the page that the user lacks; empty if none is known."""
    known = (one for one in needed(page, request.method) if one in permissions.ALL)
    return next((one for one in known if not request.user.has_perm(one)), "")
