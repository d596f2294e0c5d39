"""The faults of long bodies: one body at a time in a process.

A thousand faulty lines take 0.1 s of processor time, which other clients need. v1 decodes a body
first and looks for faults only if that fails; the serializers of the earlier contracts do both at
once, so there a long body waits whether or not it has faults.
"""

from contextlib import AbstractContextManager, nullcontext
from threading import Semaphore

from larder.core.per_key import limited

LONG = 4_096
"""Bytes from which on a body is long: 100 lines with a product's integer id have fewer."""

_one = Semaphore()


def one_long_body(length: int) -> AbstractContextManager[None]:
    """Returns a context in which no other long body is looked at, if this one is long.

    Entering it raises Overloaded, as `limited` does.
    """
    return limited(_one) if length >= LONG else nullcontext()
