"""How PostgreSQL's own programs get the address to connect to: never on their command lines, which
all clients on the machine can read."""

from __future__ import annotations

import os
from collections.abc import Mapping

from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

SERVICES = frozenset({"PGSERVICE", "PGSERVICEFILE"})
"""To libpq a service counts for more than variables do, and less than what is in an address."""


def variables() -> dict[str, str]:
    """Return libpq's own variables by the options that they stand for."""
    found = ((one.keyword.decode(), one.envvar) for one in Conninfo.get_defaults())
    known = {option: variable.decode() for option, variable in found if variable}
    return {option: variable for option, variable in known.items() if variable not in SERVICES}


def environment(url: str, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment for a program that is to connect as we do with this address.

    What the address does not say is left to the variables that are set (PGSSLROOTCERT and the
    others), for so it is here. A service is not: in the environment it would beat the address.
    """
    given = {option: str(value) for option, value in conninfo_to_dict(url).items() if value}
    said = {name: given[option] for option, name in variables().items() if option in given}
    others = {name: value for name, value in inherited.items() if name not in SERVICES}
    return {**others, **said}
