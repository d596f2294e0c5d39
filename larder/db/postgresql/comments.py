"""The id of a request or job in the text of its statements, for whoever looks at the database.

A text of its own for each request is planned anew each time: 100 to 200 µs for one of Django's
statements, two fifths of it. So statements carry the id where nobody waits for that (jobs, staff
with a browser) and where nothing is prepared anyway (behind PgBouncer); those of apps do not, but
placing orders tells it by the name of the application (database.tell_whose).
Source of the form: sqlcommenter's specification.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db.backends.utils import CursorWrapper
from django_guid import get_guid

_unhurried: ContextVar[bool] = ContextVar("unhurried", default=False)


@contextmanager
def unhurried() -> Iterator[None]:
    """What is asked of the database in this block tells whose it is."""
    before = _unhurried.set(True)
    try:
        yield
    finally:
        _unhurried.reset(before)


class Commented(CursorWrapper):
    """Statements that tell whose they are, if `unhurried`, or whenever nothing is prepared."""

    def _execute(self, sql: Any, params: Any, *context: Any) -> Any:
        return super()._execute(self._told(sql), params, *context)  # type: ignore[misc]

    def _executemany(self, sql: Any, param_list: Any, *context: Any) -> Any:
        return super()._executemany(self._told(sql), param_list, *context)  # type: ignore[misc]

    def _told(self, sql: Any) -> Any:
        tells = self.db.prepares_nothing or _unhurried.get()
        return told(sql) if tells and isinstance(sql, str) else sql


def told(sql: str) -> str:
    """The statement with the id of the request or job, if there is one."""
    correlation_id = get_guid()
    return f"{sql} /*correlation_id='{correlation_id}'*/" if correlation_id else sql
