"""Limits the nesting of a client's JSON before a decoder reads it.

Decoders recurse. A body of 9 KB of brackets overflows the stack of a thread, which ends the
process: Python's recursion limit does not protect code in C on every version.
"""

from itertools import accumulate

from larder.core.limits import MAX_JSON_BRACKETS, MAX_JSON_DEPTH
from larder.http.refusals import MalformedJson

_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
"""As signed bytes: 1 and -1."""

_OTHER = bytes(set(range(256)) - set(b'"[{]}'))


class NestedTooDeeply(MalformedJson):
    """JSON with more than MAX_JSON_DEPTH levels, or more than MAX_JSON_BRACKETS; a kind of
    malformed JSON."""

    def __init__(self) -> None:
        super().__init__(
            f"The JSON is nested deeper than {MAX_JSON_DEPTH} levels, or has more than "
            f"{MAX_JSON_BRACKETS} brackets."
        )


def require_shallow(raw: bytes) -> None:
    """Raises NestedTooDeeply."""
    if is_too_deep(raw):
        raise NestedTooDeeply


def is_too_deep(raw: bytes) -> bool:
    """Returns whether a decoder of these bytes would go deeper than MAX_JSON_DEPTH levels, or meet
    more than MAX_JSON_BRACKETS.

    Exact for valid JSON. For invalid JSON, True may be wrong, but False is always right, because a
    decoder sees the same strings and brackets up to its first error. Takes 1 µs for an order and
    0.08 s for the worst 2 MB.

    >>> is_too_deep(b"[" * 33), is_too_deep(b'["' + b"[" * 99 + b'"]')
    (True, False)
    """
    if raw.count(b"[") + raw.count(b"{") <= MAX_JSON_DEPTH:
        return False
    steps = _steps(raw)
    if len(steps) > MAX_JSON_BRACKETS:
        return True
    return max(accumulate(memoryview(steps).cast("b")), default=0) > MAX_JSON_DEPTH


def _steps(raw: bytes) -> bytes:
    """Returns the brackets outside of strings, in order."""
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Two adjacent quotes can be removed: they do not change which brackets are inside a string.
    marks = raw.translate(_STEPS, _OTHER).replace(b'""', b"")
    return b"".join(marks.split(b'"')[::2])
