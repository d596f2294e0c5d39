"""The `ENGINE` of our databases: Django looks for `DatabaseWrapper` in a module of this name."""

import select
from typing import Any

from django.db.backends.postgresql import base
from django.db.utils import Error


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, except for what a pool hands out.

    After an outage that no request met, every pooled connection is dead, and each would cost
    some later request its answer. CONN_HEALTH_CHECKS would ask the server each time (45 µs of
    CPU). A connection that nobody uses is silent, and the end of a closed one can be read: only
    one with something to read is asked (1 µs for the others).
    """

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that was open a moment ago; OperationalError when there is none."""
        connection = super().get_new_connection(conn_params)
        while self.pool and _has_something_to_read(connection) and not self._answers(connection):
            connection.close()
            self.pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        return connection

    def _answers(self, connection: Any) -> bool:
        try:
            with self.wrap_database_errors:
                self.pool.check_connection(connection)
        except Error:
            return False
        return True


def _has_something_to_read(connection: Any) -> bool:
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    return bool(socket.poll(0))
