"""Limits validation of long bodies to one body at a time in a process.

To find the faults of a thousand lines takes 0.1 s of processor time, which other requests need. v1
decodes a body first, and validates it in detail only if that fails. The serializers of the earlier
contracts decode and validate in one step, so there each long body waits for the one before.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from larder.core.per_key import Limit, limited
from larder.core.shares import held_by, holders

LONG = 4_096
"""Bytes from which on a body is long. A hundred lines with integer product ids are shorter."""

_one = Limit()


@contextmanager
def one_long_body(length: int) -> Iterator[None]:
    """Validates no other long body during the block, if this body is long.

    Raises Overloaded, as `limited` does.
    """
    if length < LONG:
        yield
        return
    # Clients without an account have one share together. Without a share they would be first.
    with held_by(*(holders() or (None,))), limited(_one):
        yield
