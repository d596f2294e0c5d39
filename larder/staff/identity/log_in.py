"""Sends users whose session of the admin ended to the log-in page, which says why."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.urls import reverse

from larder.http import admin_session
from larder.staff import typed


def adding_end_message(view: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps what AdminSite.admin_view returns, which redirects to the log-in page. Adds its
    message, and keeps the form that was sent."""

    @wraps(view)
    def decorated(request: Any, *args: Any, **kwargs: Any) -> Any:
        if request.path != reverse("admin:logout"):
            is_kept = request.method == "POST" and _keep(request)
            admin_session.add_end_message(request, is_kept=is_kept)
        return view(request, *args, **kwargs)

    return decorated


def _keep(request: Any) -> bool:
    """Keeps what was typed in a session that has ended meanwhile. Returns whether it did: without
    such a session anybody could fill the database."""
    if request.user.is_authenticated or request.former_user is None:
        return False
    typed.keep(request, request.former_user)
    return True
