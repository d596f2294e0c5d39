"""Translates errors of psycopg that Django translates wrongly: lost sessions, read-only servers,
and commits whose answer is lost."""

from typing import Any

import psycopg
from django.db.utils import DatabaseErrorWrapper, OperationalError

READ_ONLY = "25006"
"""SQLSTATE read_only_sql_transaction."""


class CommitUnknown(OperationalError):
    """The commit was sent and its answer is lost: the transaction may be committed or not.

    `is_repeatable` says whether the same request can be repeated without a second effect. None
    means that it depends on the request alone.
    """

    is_repeatable: bool | None = None


class ErrorWrapper(DatabaseErrorWrapper):
    """Django's translation of psycopg's errors, with two more cases.

    - A session that ended during an answer. Behind PgBouncer psycopg then receives more results
      than it expects (`received 2 results from command 'BEGIN'`), or libpq raises an error itself:
      an InternalError or a plain DatabaseError without an SQLSTATE. The connection is lost, so the
      error becomes an OperationalError and the connection is closed.
    - A server that accepts no writes. The error becomes an OperationalError, and all connections
      to this server are closed.
    """

    wrapper: Any

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        if isinstance(exc_value, psycopg.Error):
            if exc_value.sqlstate == READ_ONLY:
                self._lost(exc_value, self.wrapper.drop_read_only)
            if is_protocol_error(exc_value):
                self._lost(exc_value, self.wrapper.close_session)
        super().__exit__(exc_type, exc_value, traceback)

    def _lost(self, error: psycopg.Error, drop: Any) -> None:
        self.wrapper.errors_occurred = True
        drop()
        raise OperationalError(*error.args) from error


def is_protocol_error(error: psycopg.Error) -> bool:
    """Whether psycopg or libpq raised the error because of the protocol. Each error of the server
    has an SQLSTATE, and mistakes of a caller raise errors of other classes."""
    return error.sqlstate is None and (
        isinstance(error, psycopg.InternalError) or type(error) is psycopg.DatabaseError
    )
