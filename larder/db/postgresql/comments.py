"""Adds the id of a request or job to its SQL statements, as a comment.

PostgreSQL plans a statement with a new text anew: 100 to 200 µs for one of Django's, two fifths of
its time. So statements contain the id only where this time does not matter (jobs, staff with a
browser) and where nothing is prepared anyway (behind PgBouncer). The statements of apps do not;
placing an order puts the id in the name of the application (database.tag_session).
Source of the format: sqlcommenter's specification.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db.backends.utils import CursorWrapper

from larder.core import seams
from larder.core.ids import CORRELATION_ID

_tagging: ContextVar[bool] = ContextVar("tag_statements", default=False)


@contextmanager
def tag_statements() -> Iterator[None]:
    """Adds the id to this thread's statements within the block."""
    before = _tagging.set(True)
    try:
        yield
    finally:
        _tagging.reset(before)


class Commented(CursorWrapper):
    """A cursor that adds the id within `tag_statements`, or wherever nothing is prepared."""

    def _execute(self, sql: Any, params: Any, *context: Any) -> Any:
        seams.reached(seams.SEND, sql)
        return super()._execute(self._commented(sql), params, *context)  # type: ignore[misc]

    def _executemany(self, sql: Any, param_list: Any, *context: Any) -> Any:
        seams.reached(seams.SEND, sql)
        return super()._executemany(self._commented(sql), param_list, *context)  # type: ignore[misc]

    def _commented(self, sql: Any) -> Any:
        is_tagged = self.db.prepares_nothing or _tagging.get()
        return with_correlation_id(sql) if is_tagged and isinstance(sql, str) else sql


def with_correlation_id(sql: str) -> str:
    """Returns the statement with the id of the request or job, if there is one."""
    correlation_id = CORRELATION_ID.get()
    return f"{sql} /*correlation_id='{correlation_id}'*/" if correlation_id else sql
