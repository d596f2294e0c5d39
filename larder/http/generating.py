"""Generating OpenAPI documents once in each process.

One thread at a time: drf-spectacular loads modules at first use, and a second thread would find
them half loaded (AttributeError).
"""

from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import TypeVar, TypeVarTuple

from larder.core import waits

_generating = RLock()

Arguments = TypeVarTuple("Arguments")
Made = TypeVar("Made")


def generated_once(generate: Callable[[*Arguments], Made]) -> Callable[[*Arguments], Made]:
    """Returns a function that calls `generate` once for each tuple of arguments.

    Another thread that calls it meanwhile waits for the result, without a connection. With
    `functools.cache`, each such thread would call `generate`.
    """
    generated: dict[tuple[object, ...], Made] = {}

    @wraps(generate)
    def found(*args: *Arguments) -> Made:
        if args not in generated:
            with waits.holding(_generating):
                if args not in generated:
                    generated[args] = generate(*args)
        return generated[args]

    return found
