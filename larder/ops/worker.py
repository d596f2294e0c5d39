"""The job worker's own connection, and what goes with a job: the id of the request that wants it.

Jobs are deferred on Django's connection, in the transaction that wants them. The worker waits
for them with LISTEN, which does not pass PgBouncer's transaction mode: it has a direct one.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from django.conf import settings
from django_guid import get_guid
from django_guid.context import guid
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from larder.core import telemetry
from larder.db.postgresql.comments import tag_statements

CARRIED = "_correlation_id"
"""The argument of a job that its task does not see."""


def connection_string() -> str:
    """Returns WORKER_DATABASE_URL with what every connection has; like the servers, a worker
    connects to a database that accepts writes only."""
    required = settings.DB_CONNECTING | {"target_session_attrs": "read-write"}
    return make_conninfo("", **required | conninfo_to_dict(settings.WORKER_DATABASE_URL))


class Connector(DjangoConnector):
    """Procrastinate's connector for Django, but for where a worker finds its jobs."""

    def get_worker_connector(self) -> PsycopgConnector:
        """A few connections to WORKER_DATABASE_URL: one listens, the others take and end jobs."""
        return PsycopgConnector(conninfo=connection_string(), min_size=2, max_size=4)


class Jobs(JobManager):
    """Procrastinate's, but that a job carries the id of the request or job that defers it."""

    def batch_defer_jobs(self, jobs: list[Job], connection: Any = None) -> list[Job]:
        """Jobs with the ids they were given."""
        return super().batch_defer_jobs([_carrying(job) for job in jobs], connection)

    async def batch_defer_jobs_async(self, jobs: list[Job], connection: Any = None) -> list[Job]:
        """As batch_defer_jobs."""
        return await super().batch_defer_jobs_async([_carrying(job) for job in jobs], connection)


def _carrying(job: Job) -> Job:
    if not (correlation_id := get_guid()):
        return job
    return job.evolve(task_kwargs={**job.task_kwargs, CARRIED: correlation_id})


async def correlate(call_next: Callable[[], Awaitable[Any]], context: JobContext, _: Any) -> Any:
    """Worker middleware: the job's lines, statements and own jobs have the id it carries, or one of
    its own where nobody asked for it."""
    carried = context.job.task_kwargs.pop(CARRIED, None)
    # Each job runs in a context of its own, which ends with it.
    guid.set(carried or uuid4().hex)
    with tag_statements(), telemetry.tracing.span("job", task=context.job.task_name):
        return await call_next()


def use_own_connector(app: App) -> None:
    """Called by procrastinate when Django is ready (PROCRASTINATE_ON_APP_READY)."""
    app.connector = Connector()
    app.job_manager = Jobs(app.connector)
    app.worker_defaults["worker_middleware"] = [correlate]
