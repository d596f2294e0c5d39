"""The job worker's own connection.

Jobs are deferred on Django's connection, in the transaction that wants them. The worker waits
for them with LISTEN, which does not pass PgBouncer's transaction mode: it has a direct one.
"""

from django.conf import settings
from procrastinate import App, PsycopgConnector
from procrastinate.contrib.django.django_connector import DjangoConnector


class Connector(DjangoConnector):
    """Procrastinate's connector for Django, but for where a worker finds its jobs."""

    def get_worker_connector(self) -> PsycopgConnector:
        """A few connections to WORKER_DATABASE_URL: one listens, the others take and end jobs."""
        return PsycopgConnector(
            conninfo=settings.WORKER_DATABASE_URL,
            min_size=2,
            max_size=4,
            kwargs={"connect_timeout": settings.DB_CONNECT_TIMEOUT},
        )


def use_own_connector(app: App) -> None:
    """Called by procrastinate when Django is ready (PROCRASTINATE_ON_APP_READY)."""
    app.connector = app.job_manager.connector = Connector()
