"""Limits how deep the JSON of a client is nested, before anything decodes it.

Decoders recurse. A body of 9 KB of brackets overflows the stack of a thread, which ends the
process: Python's recursion limit does not protect code in C on every version.
"""

from larder.core.limits import MAX_JSON_DEPTH
from larder.http.refusals import MalformedJson

_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_DOWN, _UP = b"\x01", b"\xff"
_OTHER = bytes(set(range(256)) - set(b'"[{]}'))


class NestedTooDeeply(MalformedJson):
    """JSON with more than MAX_JSON_DEPTH levels; a kind of malformed JSON."""

    def __init__(self) -> None:
        super().__init__(f"The JSON is nested deeper than {MAX_JSON_DEPTH} levels.")


def require_shallow(raw: bytes) -> None:
    """Raises NestedTooDeeply."""
    if is_too_deep(raw):
        raise NestedTooDeeply


def is_too_deep(raw: bytes) -> bool:
    """Whether a decoder of these bytes would go deeper than MAX_JSON_DEPTH levels.

    Exact for valid JSON. For other bytes True may be wrong, False never is: up to its first error
    a decoder sees the same strings and brackets. Costs 1 µs for an order, 0.2 s for the worst 2 MB,
    a few milliseconds at a time, between which other threads run.

    >>> is_too_deep(b"[" * 33), is_too_deep(b'["' + b"[" * 99 + b'"]')
    (True, False)
    """
    if raw.count(b"[") + raw.count(b"{") <= MAX_JSON_DEPTH:
        return False
    steps, levels = _steps(raw), 0
    # Each round takes off the innermost level. What is left at the end was never closed.
    while _DOWN + _UP in steps:
        levels += 1
        if levels > MAX_JSON_DEPTH:
            return True
        steps = steps.replace(_DOWN + _UP, b"")
    return levels + steps.count(_DOWN) > MAX_JSON_DEPTH


def _steps(raw: bytes) -> bytes:
    """The brackets outside of strings, in order: a step down or up for each."""
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Two quotes side by side change nothing: what follows is inside or outside as before.
    marks = raw.translate(_STEPS, _OTHER).replace(b'""', b"")
    return b"".join(marks.split(b'"')[::2])
