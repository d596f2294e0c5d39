"""The earlier contracts in a browser: answers as pages whose addresses are links."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user
from rest_framework.renderers import BrowsableAPIRenderer


class Browsable(BrowsableAPIRenderer):
    """The framework's pages, with the admin's way in and out."""

    template = "compat/browsable.html"

    def get_context(
        self, data: Any, accepted_media_type: str | None, renderer_context: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Shows whose session of the admin this is. A token has none, and no way out."""
        context = super().get_context(data, accepted_media_type, renderer_context)
        asked = renderer_context["request"]._request
        # The request's own user is the framework's by now, and may be a token's.
        return context | {"session_user": get_user(asked) if hasattr(asked, "session") else None}
