"""The page of the admin for what the role of a member of staff does not allow: with the menu, and
with the roles that allow it."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext

from larder.http.error_pages import prefers_page
from larder.http.problems import KINDS
from larder.identity.permissions import STAFF_BEFORE_ROLES
from larder.staff.page_permissions import needed
from larder.staff.recording import ActionRefused, lacking, page_name


def explaining(admin_view: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps AdminSite.admin_view, so that browsers get a page of the admin for what is refused. A
    refusal with a separate text keeps its page: the session may have ended."""

    def explained_view(view: Callable[..., Any], cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002
        @wraps(view)
        def explained(request: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return view(request, *args, **kwargs)
            except PermissionDenied as refusal:
                if str(refusal) or not prefers_page(request):
                    raise
                return _page(request, refusal)

        return admin_view(explained, cacheable)

    return explained_view


def _page(request: Any, refusal: PermissionDenied) -> HttpResponse:
    roles = ", ".join(_roles(_missing(request, refusal)))
    context = {
        **admin.site.each_context(request),
        "title": gettext("Not allowed"),
        "text": gettext(
            "The role of your account does not allow this page. If you need it, ask a colleague "
            "who may manage rights, such as an owner of the shop, for another role."
        ),
        "roles": gettext("These roles may open it: {}.").format(roles) if roles else "",
    }
    answer = TemplateResponse(request, "staff/forbidden.html", context)
    answer.status_code = KINDS["permission_missing"].status
    patch_vary_headers(answer, ["Accept"])
    return answer


def _missing(request: Any, refusal: PermissionDenied) -> tuple[str, ...]:
    """Returns the permissions of the refused page or action; none if the user has them."""
    action = refusal.action if isinstance(refusal, ActionRefused) else ""
    page = page_name(request, action)
    return needed(page, request.method) if lacking(request, page) else ()


def _roles(permissions: Iterable[str]) -> list[str]:
    """Returns the names of the roles with all these permissions; none without permissions."""
    roles = Group.objects.exclude(name=STAFF_BEFORE_ROLES).order_by("name")
    if not permissions:
        return []
    for one in permissions:
        app, _, codename = one.partition(".")
        named = {"permissions__content_type__app_label": app, "permissions__codename": codename}
        roles = roles.filter(**named)
    return list(roles.values_list("name", flat=True))
