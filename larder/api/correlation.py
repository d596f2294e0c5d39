"""Correlation ids have one form: 32 lower-case hexadecimal digits, as ours are made."""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

_HEADER = "HTTP_CORRELATION_ID"
_FORM = re.compile(r"[0-9a-f]{32}")


def one_form(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Middleware that stands before django-guid's and hides an id of any other form from it.

    django-guid takes whatever Python reads as a UUID (in braces, with dashes, in capitals) and
    hands it out as it came: logs could then not be searched for one spelling.

    Every answer says that scripts may read the id; what corsheaders says of more goes first.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if not _FORM.fullmatch(request.META.get(_HEADER, "")):
            request.META.pop(_HEADER, None)
        response = get_response(request)
        response.headers.setdefault("Access-Control-Expose-Headers", "Correlation-ID")
        return response

    return middleware
