"""The absolute URLs in answers."""

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest


def base_url(request: HttpRequest) -> str:
    """Returns the scheme and host that clients use: PUBLIC_URL, or else those of the request.

    Empty, which leaves a URL relative, if the host of the request is not allowed.
    """
    try:
        return settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}"
    except DisallowedHost:
        return ""
