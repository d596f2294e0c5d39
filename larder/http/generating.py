"""Generating OpenAPI documents once in each process.

One thread at a time: drf-spectacular loads modules at first use, and a second thread would find
them half loaded (AttributeError).
"""

from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import TypeVar, TypeVarTuple

from larder.core import waits
from larder.core.errors import Overloaded

_generating = RLock()
GENERATED_WITHIN = 30.0
"""Seconds. One document takes one or two, and there are six."""

Arguments = TypeVarTuple("Arguments")
Made = TypeVar("Made")


def generated_once(generate: Callable[[*Arguments], Made]) -> Callable[[*Arguments], Made]:
    """Returns a function that calls `generate` once for each tuple of arguments.

    Another thread that calls it meanwhile waits for the result, without a connection. It raises
    Overloaded after GENERATED_WITHIN. With `functools.cache`, each such thread would call
    `generate`.
    """
    generated: dict[tuple[object, ...], Made] = {}

    @wraps(generate)
    def found(*args: *Arguments) -> Made:
        if args not in generated:
            with waits.holding(_generating, GENERATED_WITHIN) as in_time:
                if not in_time:
                    raise Overloaded
                if args not in generated:
                    generated[args] = generate(*args)
        return generated[args]

    return found
