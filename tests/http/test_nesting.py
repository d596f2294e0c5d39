"""The limit on nesting, measured without decoding."""

import json
from time import thread_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from larder.core.limits import MAX_JSON_DEPTH
from larder.http.nesting import is_too_deep

TEXT = st.text('[]{}"\\a,:', max_size=8)
VALUES = st.recursive(
    TEXT | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=30,
)
LARGEST = 2 * 1024 * 1024


def depth(value: Any) -> int:
    """Levels of arrays and objects."""
    if not isinstance(value, list | dict):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth, inner), default=0)


@settings(max_examples=50)
@given(VALUES, st.sampled_from([("[", "]"), ('{"[\\"":', "}"), ('["\\\\",', "]")]), TEXT)
def test_valid_json_is_too_deep_from_33_levels_on(
    value: Any, around: tuple[str, str], beside: str
) -> None:
    down, up = around
    missing = MAX_JSON_DEPTH - depth(value)
    long = [0, {"": beside}] * 20
    for levels in (missing, missing + 1):
        nested = json.loads(down * levels + json.dumps(value) + up * levels)
        for raw in (json.dumps(nested), json.dumps([long, nested]), json.dumps([nested, long])):
            wanted = depth(json.loads(raw)) > MAX_JSON_DEPTH
            assert is_too_deep(raw.encode()) == wanted


def depth_when_read(raw: str) -> int:
    """Levels that a decoder has gone down to when it reaches the end of this text."""
    deepest = level = 0
    inside = escaped = False
    for one in raw:
        if inside:
            inside, escaped = one != '"' or escaped, one == "\\" and not escaped
        elif one == '"':
            inside = True
        else:
            level += (one in "[{") - (one in "]}")
            deepest = max(deepest, level)
    return deepest


@given(VALUES, st.integers(28, 32), st.integers(0, 400))
def test_incomplete_json_is_never_read_deeper_than_the_limit(
    value: Any, levels: int, length: int
) -> None:
    raw = json.dumps([[value, value]] * 20)
    raw = ("[" * levels + raw)[: levels + length]
    assert is_too_deep(raw.encode()) or depth_when_read(raw) <= MAX_JSON_DEPTH


@pytest.mark.parametrize(
    "shape",
    [b"[", b"[]", b'{"a":', b"[" * 32 + b"]" * 32, b'["', b'"', b"\\", b'\\"', b'[]\\\\"', b"[ ]"],
)
def test_the_largest_body_of_any_shape_is_measured_in_little_time(shape: bytes) -> None:
    raw = b"[" * 20 + b"{" * 13 + shape * (LARGEST // len(shape))
    began = thread_time()
    is_too_deep(raw)
    assert thread_time() - began < 0.3
