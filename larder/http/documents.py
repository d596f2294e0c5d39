"""Texts of OpenAPI documents, the same with all versions of Python."""

from http import HTTPStatus

# Python 3.13 has the names of RFC 9110; 3.11 and 3.12 have those of RFC 7231 and RFC 4918.
_RFC_9110 = {413: "Content Too Large", 422: "Unprocessable Content"}


def phrase(status: int) -> str:
    """Returns the name of the status in RFC 9110, section 15."""
    return _RFC_9110.get(status) or HTTPStatus(status).phrase


def first_sentence(documented: object) -> str:
    """Returns the first sentence of a docstring in one line, without its full stop; "" without one.

    Python 3.13 removes the indentation of docstrings when it compiles them, 3.11 and 3.12 do not.
    """
    return " ".join((documented.__doc__ or "").partition(".")[0].split())
