"""Pages that are limited in bytes."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from larder.core.limits import MAX_PAGE_BYTES
from larder.db import database
from larder.db.pages import first_rows, within_bytes

TEXTS = "SELECT n, repeat('x', size) AS text FROM unnest(%s::int[], %s::int[]) AS row (n, size)"
sizes = st.lists(
    st.integers(0, 90_000)
    | st.sampled_from(
        [0, 0, 1, MAX_PAGE_BYTES // 2, MAX_PAGE_BYTES - 1, MAX_PAGE_BYTES, MAX_PAGE_BYTES + 1]
    ),
    max_size=20,
)


def counted(size: int) -> int:
    """Returns the size that a row counts with."""
    return min(size, MAX_PAGE_BYTES)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(sizes=sizes, limit=st.integers(1, 8))
def test_pages_have_each_row_once_and_end_by_bytes_or_rows(
    db: None, sizes: list[int], limit: int
) -> None:
    after, more = 0, bool(sizes)
    while more:
        rest = f"{TEXTS} WHERE n > %s ORDER BY n LIMIT {limit + 1}"
        numbers = list(range(1, len(sizes) + 1))
        sent = database.rows(within_bytes(rest, "octet_length(text)"), [numbers, sizes, after])
        page = first_rows(sent, limit)
        texts = [len(text) for _, text in page.rows]
        assert [n for n, _ in page.rows] == list(range(after + 1, after + 1 + len(texts)))
        assert texts == sizes[after : after + len(texts)]
        assert sum(map(counted, texts)) <= MAX_PAGE_BYTES
        assert sum(texts) <= MAX_PAGE_BYTES or sum(text > 0 for text in texts) == 1
        after, more = after + len(texts), page.more
        if more:
            further = sum(map(counted, sizes[: after + 1][-len(texts) - 1 :]))
            assert len(texts) == limit or further > MAX_PAGE_BYTES
        # Of what is behind the page no more than one row is sent.
        assert len(sent) <= len(texts) + 1
    assert after == len(sizes)
