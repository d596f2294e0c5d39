"""The language of the admin's pages. All other answers, logs and mails are in English."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_from_request


def language_of(request: HttpRequest) -> str:
    """Returns the language that the browser chose in the admin; else the one that it prefers, or
    English."""
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
    if chosen in dict(settings.LANGUAGES):
        return chosen
    return get_language_from_request(request)
