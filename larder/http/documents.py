"""Generating OpenAPI documents: once in each process, and the same with all versions of Python."""

from collections.abc import Callable
from functools import cache, wraps
from http import HTTPStatus
from typing import TypeVar, TypeVarTuple

from larder.core import waits

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


_generating = waits.Turns(1, 64)

Arguments = TypeVarTuple("Arguments")
Document = TypeVar("Document")


def generated_once(generate: Callable[[*Arguments], Document]) -> Callable[[*Arguments], Document]:
    """Returns a function that calls `generate` once for each tuple of arguments, in one thread at a
    time: drf-spectacular loads modules at first use, and a second thread would find them half
    loaded. Raises Overloaded if others take too long."""
    generated = cache(generate)

    @wraps(generate)
    def document(*args: *Arguments) -> Document:
        with _generating.turn():
            return generated(*args)

    return document
