"""System checks: a server does not start with settings that would be unsafe."""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DEFAULT_DB_ALIAS, OperationalError, ProgrammingError

from larder.db import database, replicas
from larder.identity import queries
from larder.ops import unsafe
from larder.ops.demo import USERS
from larder.ops.serve import POOL_SIZE

Found = TypeVar("Found")

CONNECTIONS_FOR_OTHERS = 10
"""Kept free for the worker, migrations, psql and monitoring."""


@register(Tags.security, deploy=True)
def safe_settings(**options: Any) -> list[CheckMessage]:
    """What must never reach production. Looked at by a server that starts, not by tools."""
    return [] if settings.DEMO else [*_unsafe(), *unsafe.secrets(), *unsafe.addresses()]


def _unsafe() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        yield Error("DEBUG is on.", hint="DEBUG=1 needs DEMO=1.", id="larder.E002")
    if "*" in settings.ALLOWED_HOSTS or not settings.ALLOWED_HOSTS:
        hint = "Name the hosts this shop answers to, separated by commas."
        yield Error("ALLOWED_HOSTS is open or empty.", hint=hint, id="larder.E003")
    if settings.REGISTRATION not in {"open", "approval", "closed"}:
        hint = "Choose open, approval or closed."
        yield Error("REGISTRATION is not set.", hint=hint, id="larder.E004")


@register(Tags.database)
def demo_users_stay_home(**options: Any) -> list[CheckMessage]:
    """Demo users have known passwords: they and a public server do not go together."""
    if settings.DEMO or not options.get("databases"):
        return []
    nobody: list[str] = []
    found = _when_reachable(_demo_users, nobody)
    if not found:
        return []
    hint = f"Delete them, or change their passwords: {', '.join(found)}."
    return [Error("Demo users are in the database.", hint=hint, id="larder.E005")]


def _demo_users() -> list[str]:
    return [name for name, user in USERS.items() if queries.has_password(name, user.password)]


@register(Tags.database)
def connections_fit(**options: Any) -> list[CheckMessage]:
    """All pools of a server together must leave room under its max_connections."""
    if not options.get("databases") or settings.PGBOUNCER:
        return []
    servers = [DEFAULT_DB_ALIAS, *(one.alias for one in replicas.replicas())]
    return [message for alias in servers for message in _connections_fit(alias)]


def _connections_fit(alias: str) -> Iterator[CheckMessage]:
    with database.reading_from(alias):
        limit = _when_reachable(_max_connections, sys.maxsize)
    # A command has no pool. The server that it is asked about has one (config/wsgi.py).
    pool = settings.DB_POOL_SIZE or POOL_SIZE
    wanted = settings.WORKERS * pool + CONNECTIONS_FOR_OTHERS
    if wanted > limit:
        hint = (
            f"WORKERS × DB_POOL_SIZE + {CONNECTIONS_FOR_OTHERS} = {wanted}; "
            f"the server of {alias} has {limit}."
        )
        yield Error("More connections than PostgreSQL gives.", hint=hint, id="larder.E006")


def _max_connections() -> int:
    ((limit,),) = database.rows("SELECT current_setting('max_connections')::int")
    return int(limit)


@register(Tags.database)
def replicas_are_standbys(**options: Any) -> list[CheckMessage]:
    """Another server is never read from, whatever its address is. After a fail-over this may be
    the new primary's, so a server starts all the same."""
    found = replicas.replicas() if options.get("databases") else ()
    hint = "See that REPLICA_URLS names streaming replicas of DATABASE_URL's server."
    return [
        checks.Warning(f"{one.alias} is no standby of this database.", hint=hint, id="larder.W001")
        for one in found
        if not _when_reachable(partial(_is_standby, one.alias), otherwise=True)
    ]


_CLUSTER = "SELECT pg_is_in_recovery(), system_identifier FROM pg_control_system()"


def _is_standby(alias: str) -> bool:
    ((_, cluster),) = database.rows(_CLUSTER)
    with database.reading_from(alias):
        return database.rows(_CLUSTER) == [(True, cluster)]


def _when_reachable(look: Callable[[], Found], otherwise: Found) -> Found:
    """A worker that is started again during an outage must come up, and answer 503."""
    try:
        return look()
    except (OperationalError, ProgrammingError):
        return otherwise
