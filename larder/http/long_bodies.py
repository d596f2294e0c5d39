"""Limits validation of long bodies to one body at a time in a process.

To find the faults of a thousand lines takes 0.1 s of processor time, which other requests need. v1
decodes a body first, and validates it in detail only if that fails. The serializers of the earlier
contracts decode and validate in one step, so there each long body waits for the one before.
"""

from contextlib import AbstractContextManager, nullcontext

from larder.core.per_key import Limit, limited

LONG = 4_096
"""Bytes from which on a body is long. A hundred lines with integer product ids are shorter."""

_one = Limit()


def one_long_body(length: int) -> AbstractContextManager[None]:
    """Returns a context in which no other long body is validated, if this body is long.

    Entering it raises Overloaded, as `limited` does.
    """
    return limited(_one) if length >= LONG else nullcontext()
