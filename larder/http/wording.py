"""Words of the OpenAPI documents that must not depend on the Python that writes them."""

from http import HTTPStatus

# Python 3.13 took the names of RFC 9110; 3.11 and 3.12 have those of RFC 7231 and RFC 4918.
_RFC_9110 = {413: "Content Too Large", 422: "Unprocessable Content"}


def phrase(status: int) -> str:
    """The status in words, as RFC 9110 (section 15) names it."""
    return _RFC_9110.get(status) or HTTPStatus(status).phrase


def first_sentence(documented: object) -> str:
    """The first sentence of a docstring in one line, without its full stop; "" without one.

    Python 3.13 takes the indentation out of docstrings when it compiles, 3.11 and 3.12 do not.
    """
    return " ".join((documented.__doc__ or "").partition(".")[0].split())
