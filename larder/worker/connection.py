"""The job worker's connection, and the correlation id of its log lines.

The worker waits for jobs with LISTEN, which does not work in PgBouncer's transaction mode, so it
has a direct connection.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from django.conf import settings
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.contrib.django.django_connector import DjangoConnector
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from larder.core import telemetry
from larder.core.ids import CORRELATION_ID


def connection_string() -> str:
    """Returns WORKER_DATABASE_URL with the options of all connections. Like the servers, a worker
    connects only to a database that accepts writes."""
    required: dict[str, Any] = {**settings.DB_CONNECTING, "target_session_attrs": "read-write"}
    return make_conninfo("", **{**required, **conninfo_to_dict(settings.WORKER_DATABASE_URL)})


class Connector(DjangoConnector):
    """Procrastinate's connector for Django, with another connection for the worker."""

    def get_worker_connector(self) -> PsycopgConnector:
        """Returns a pool for WORKER_DATABASE_URL: one connection listens, others start and end
        jobs."""
        return PsycopgConnector(conninfo=connection_string(), min_size=2, max_size=4)


async def correlate(call_next: Callable[[], Awaitable[Any]], context: JobContext, _: Any) -> Any:
    """Worker middleware: log lines of a job have a new id."""
    # Each job runs in a separate context, which ends with it.
    CORRELATION_ID.set(uuid4().hex)
    with telemetry.span(f"job {context.job.task_name}"):
        return await call_next()


def use_own_connector(app: App) -> None:
    """Called by procrastinate when Django is ready (PROCRASTINATE_ON_APP_READY)."""
    app.connector = Connector()
    app.job_manager.connector = app.connector
    app.worker_defaults["worker_middleware"] = [correlate]
