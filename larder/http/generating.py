"""Generating OpenAPI documents once in each process.

One at a time: drf-spectacular loads what it needs at first use, and two threads that do so at once
meet it half loaded (AttributeError).
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

    A thread that asks meanwhile waits for the result, without a connection. `functools.cache`
    would call `generate` in each of them.
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
