"""Removes unusual charsets from the Content-Type before Django reads it."""

from collections.abc import Callable, Iterable
from typing import Any

CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin-1"})

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def with_plain_charsets(application: Application) -> Application:
    """Returns a WSGI application that passes on no charset except CHARSETS, and no other parameter
    except a boundary: Django decodes queries and forms with any codec that the client names, such
    as Python's rot13."""

    def shown(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        content_type = environ.get("CONTENT_TYPE")
        if content_type and ";" in content_type:
            environ["CONTENT_TYPE"] = plain(content_type)
        return application(environ, start_response)

    return shown


def plain(content_type: str) -> str:
    """Returns the media type with the parameters that are kept.

    >>> plain("application/json; charset=utf-8"), plain("text/plain; charset=rot13; x=y")
    ('application/json; charset=utf-8', 'text/plain')
    """
    media_type, *parameters = content_type.split(";")
    return ";".join([media_type, *filter(_is_kept, parameters)])


def _is_kept(parameter: str) -> bool:
    name, _, value = parameter.strip().partition("=")
    if name.lower() == "charset":
        return value.strip(' "').lower() in CHARSETS
    return name.lower() == "boundary"
