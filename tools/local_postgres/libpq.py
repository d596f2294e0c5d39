"""How PostgreSQL's own programs are told where to connect: never on their command lines, which
everybody on the machine can read."""

from __future__ import annotations

import os
from collections.abc import Mapping

from psycopg.conninfo import conninfo_to_dict

VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "options": "PGOPTIONS",
}


def environment(url: str, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment for a program that is to connect there and nowhere else."""
    others = {name: value for name, value in inherited.items() if not name.startswith("PG")}
    given = conninfo_to_dict(url)
    return {**others, **{VARIABLES[key]: str(given[key]) for key in VARIABLES if given.get(key)}}
