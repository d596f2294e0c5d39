"""Removes the charset from the Content-Type before Django reads it."""

from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def without_charsets(application: Application) -> Application:
    """Returns a WSGI application that passes on no parameter of a Content-Type except a boundary:
    Django decodes queries and forms with any codec that the client names, such as Python's
    rot13."""

    def shown(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        content_type = environ.get("CONTENT_TYPE")
        if content_type and ";" in content_type:
            environ["CONTENT_TYPE"] = without_charset(content_type)
        return application(environ, start_response)

    return shown


def without_charset(content_type: str) -> str:
    """Returns the media type, and its boundary if it has one.

    >>> without_charset("multipart/form-data; charset=rot13; Boundary=x")
    'multipart/form-data; Boundary=x'
    """
    media_type, *parameters = content_type.split(";")
    boundaries = (text for text in parameters if text.strip().lower().startswith("boundary="))
    return ";".join([media_type, *boundaries])
