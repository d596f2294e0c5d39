"""Where clients find things: the absolute addresses that answers carry."""

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest


def base_url(request: HttpRequest) -> str:
    """Scheme and host that clients use: PUBLIC_URL, or else what the request says.

    Empty, which leaves an address relative, for a request whose host is not ours.
    """
    try:
        return settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}"
    except DisallowedHost:
        return ""
