"""Shows the answers of the earlier contracts in a browser, with links."""

from collections.abc import Mapping
from typing import Any

from django.template.loader import render_to_string
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer

from larder.http.admin_session import user_of


class Browsable(BrowsableAPIRenderer):
    """The framework's pages, with the admin's way in and out.

    The refusal of a request without credentials is a short page: REST framework's page takes twenty
    to fifty milliseconds, and all clients can send such requests.
    """

    template = "compat/browsable.html"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        context = renderer_context or {}
        request, response = context["request"], context["response"]
        if response.status_code < 400 or request.user is not None:
            return super().render(data, accepted_media_type, context)
        context = {
            "path": request.get_full_path(),
            "status": f"HTTP {response.status_code} {response.status_text}",
            "content": JSONRenderer().render(data, renderer_context={"indent": 4}).decode(),
        }
        return render_to_string("compat/refused.html", context)

    def get_context(
        self, data: Any, accepted_media_type: str | None, renderer_context: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Adds the user of the admin's session. With a token there is none, and no log-out."""
        context = super().get_context(data, accepted_media_type, renderer_context)
        django_request = renderer_context["request"]._request
        # The request's user was set by the framework, and may be that of a token.
        return context | {
            "session_user": user_of(django_request) if hasattr(django_request, "session") else None
        }
