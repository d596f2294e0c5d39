"""Limits the nesting of a client's JSON before a decoder reads it.

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
    """Returns whether a decoder of these bytes would go deeper than MAX_JSON_DEPTH levels.

    Exact for valid JSON. For invalid JSON, True may be wrong, but False is always right, because a
    decoder sees the same strings and brackets up to its first error. Takes 1 µs for an order and
    0.2 s for the worst 2 MB, in steps of a few milliseconds, between which other threads run.

    >>> is_too_deep(b"[" * 33), is_too_deep(b'["' + b"[" * 99 + b'"]')
    (True, False)
    """
    if raw.count(b"[") + raw.count(b"{") <= MAX_JSON_DEPTH:
        return False
    steps, levels = _steps(raw), 0
    # Each round removes the innermost level. The brackets that remain were never closed.
    while _DOWN + _UP in steps:
        levels += 1
        if levels > MAX_JSON_DEPTH:
            return True
        steps = steps.replace(_DOWN + _UP, b"")
    return levels + steps.count(_DOWN) > MAX_JSON_DEPTH


def _steps(raw: bytes) -> bytes:
    """Returns the brackets outside of strings, in order."""
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Two adjacent quotes can be removed: they do not change which brackets are inside a string.
    marks = raw.translate(_STEPS, _OTHER).replace(b'""', b"")
    return b"".join(marks.split(b'"')[::2])
