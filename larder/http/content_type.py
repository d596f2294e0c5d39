"""The Content-Type that Django is shown: with a charset that texts on the wire have, or none."""

from collections.abc import Callable, Iterable
from typing import Any

CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin-1"})

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def with_plain_charsets(application: Application) -> Application:
    """A WSGI application that sees no charset but CHARSETS, and no parameter but a boundary.

    Django decodes queries and forms with whatever codec the client names: with Python's rot13,
    punycode or unicode_escape that ends in errors before any middleware runs, or in texts that
    no database takes.
    """

    def shown(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        given = environ.get("CONTENT_TYPE")
        if given and ";" in given:
            environ["CONTENT_TYPE"] = plain(given)
        return application(environ, start_response)

    return shown


def plain(content_type: str) -> str:
    """The media type with the parameters that are kept.

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
