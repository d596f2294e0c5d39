"""The job worker's connection, and the correlation id that a job carries.

Jobs are deferred on Django's connection, in the transaction that needs them. The worker waits for
them with LISTEN, which does not work in PgBouncer's transaction mode, so it has a direct
connection.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from django.conf import settings
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from larder.core import telemetry
from larder.core.ids import CORRELATION_ID

CARRIED = "_correlation_id"
"""The argument of a job with the correlation id, which its task does not see."""


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


class Jobs(JobManager):
    """Procrastinate's class. A job also carries the id of the request or job that defers it."""

    def batch_defer_jobs(self, jobs: list[Job], connection: Any = None) -> list[Job]:
        """Returns the jobs with their ids."""
        return super().batch_defer_jobs([_carrying(job) for job in jobs], connection)

    async def batch_defer_jobs_async(self, jobs: list[Job], connection: Any = None) -> list[Job]:
        """As batch_defer_jobs."""
        return await super().batch_defer_jobs_async([_carrying(job) for job in jobs], connection)


def _carrying(job: Job) -> Job:
    if not (correlation_id := CORRELATION_ID.get()):
        return job
    return job.evolve(task_kwargs={**job.task_kwargs, CARRIED: correlation_id})


async def correlate(call_next: Callable[[], Awaitable[Any]], context: JobContext, _: Any) -> Any:
    """Worker middleware: log lines and deferred jobs have the id that the job carries;
    those of a periodic job have a new id."""
    carried = context.job.task_kwargs.pop(CARRIED, None)
    # Each job runs in a separate context, which ends with it.
    CORRELATION_ID.set(str(carried) if carried else uuid4().hex)
    with telemetry.tracing.span("job", task=context.job.task_name):
        return await call_next()


def use_own_connector(app: App) -> None:
    """Called by procrastinate when Django is ready (PROCRASTINATE_ON_APP_READY)."""
    app.connector = Connector()
    app.job_manager = Jobs(app.connector)
    app.worker_defaults["worker_middleware"] = [correlate]
