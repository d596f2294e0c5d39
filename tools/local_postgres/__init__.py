"""A PostgreSQL 18 of the project's own, started from the binaries of a Python wheel.

    with Cluster(Path("somewhere")) as cluster:
        psycopg.connect(cluster.owner_url())

Only the wheel's programs are used, never its Python code.
"""

from tools.errors import LauncherError
from tools.local_postgres.cluster import Cluster
from tools.local_postgres.temporary import temporary_cluster

__all__ = ["Cluster", "LauncherError", "temporary_cluster"]
