"""A PostgreSQL 18 of the project's own, started from the binaries of a Python wheel.

    with Cluster(Path("somewhere")) as cluster:
        psycopg.connect(cluster.owner_url())

Only the wheel's programs are used, never its Python code.
"""

from tools.local_postgres.cluster import Cluster, temporary_cluster
from tools.terminal import LauncherError

__all__ = ["Cluster", "LauncherError", "temporary_cluster"]
