"""Probes: whether this process is alive, and whether it can serve."""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from larder.db import database, replicas
from larder.identity import queries as identity
from larder.ops.demo.shop import DEMO_CUSTOMER

logger = logging.getLogger(__name__)

WORKER_SILENT_AFTER = timedelta(seconds=40)
"""The worker sends a heart-beat every ten seconds. After three missed heart-beats it counts as
gone."""


def livez(request: HttpRequest) -> JsonResponse:
    """Returns 200. Needs no connection."""
    return JsonResponse({"alive": True})


def readyz(request: HttpRequest) -> JsonResponse:
    """Returns 200 if this process can serve, otherwise 503."""
    ready, body = _check()
    return JsonResponse(body) if ready else JsonResponse(body, status=503, headers=_LATER)


def _check() -> tuple[bool, dict[str, Any]]:
    """Returns whether this process can serve: database, migrations and, in demo mode, its data.

    Also returns the time of the worker's last heart-beat and the state of the replicas. The process
    can serve without them.
    """
    checks = {"database": False, "migrations": False, "demo": not settings.DEMO}
    worker: dict[str, Any] = {"alive": False, "last_heartbeat": None}
    reason = ""
    try:
        checks["database"] = database.is_writable()
        checks["migrations"] = migrated()
        checks["demo"] = not settings.DEMO or identity.exists(DEMO_CUSTOMER)
        worker = _worker()
    except Error as error:
        reason = str(error).strip().partition("\n")[0]
    ready = all(checks.values())
    _report(checks, reason)
    away = {replica.alias: {"away": replica.is_away} for replica in replicas.replicas()}
    return ready, {"ready": ready, "checks": checks, "worker": worker, "replicas": away}


def _report(checks: dict[str, bool], reason: str) -> None:
    """Logs the first failed check, once until another one is the first, or all pass. `reason` is
    the first line of the database's error, if there was one."""
    failed = next(
        (name for name, passed in checks.items() if not passed), "worker" if reason else ""
    )
    if failed and failed != _reported[0]:
        do = _IF_AWAY if failed == "database" else _IF_UNPREPARED
        logger.warning(
            "The check of %s failed: %s; %s.", failed, reason or "there was no error", do
        )
    _reported[0] = failed


_reported = [""]


_IF_AWAY = "check that the database at DATABASE_URL answers and accepts writes"
_IF_UNPREPARED = "check that `manage.py prepare` has run on the database at DATABASE_URL"

_LATER = {"Retry-After": "1"}


_done: set[str] = set()


def migrated() -> bool:
    """Returns whether the database has all migrations.

    Checked until it is true, because no migration is reversed while a server runs.
    """
    if "migrated" not in _done:
        executor = MigrationExecutor(connection)
        if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
            _done.add("migrated")
    return "migrated" in _done


# The worker writes the time of the database's clock, so it is compared with that clock.
_IS_ALIVE = """
SELECT max(last_heartbeat),
       coalesce(max(last_heartbeat) > statement_timestamp() - %s::interval, false)
FROM procrastinate_workers
"""


def _worker() -> dict[str, Any]:
    ((beat, alive),) = database.rows(_IS_ALIVE, [WORKER_SILENT_AFTER])
    return {"alive": alive, "last_heartbeat": beat}
