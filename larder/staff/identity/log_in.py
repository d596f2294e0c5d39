"""Sends users whose session of the admin ended to the log-in page, which says why."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.urls import reverse

from larder.http import admin_session


def adding_end_message(admin_view: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps AdminSite.admin_view, whose views redirect to the log-in page. Adds its message."""

    def decorated_view(view: Callable[..., Any], cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002
        inner = admin_view(view, cacheable)

        @wraps(inner)
        def decorated(request: Any, *args: Any, **kwargs: Any) -> Any:
            if request.path != reverse("admin:logout"):
                admin_session.add_end_message(request)
            return inner(request, *args, **kwargs)

        return decorated

    return decorated_view
