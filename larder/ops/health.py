"""Probes: whether this process is alive, and whether it can serve."""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from larder.core.clock import now
from larder.db import database, observations, replicas
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
        if beat := observations.noted("worker"):
            is_alive = beat.at > now() - WORKER_SILENT_AFTER
            worker = {"alive": is_alive, "last_heartbeat": beat.at}
    except Error as error:
        reason = str(error).strip().partition("\n")[0]
    _log(reason)
    away = {replica.alias: {"away": replica.is_away} for replica in replicas.replicas()}
    ready = all(checks.values())
    return ready, {"ready": ready, "checks": checks, "worker": worker, "replicas": away}


def _log(reason: str) -> None:
    """Logs the first line of an error of the database, once until there is another or none."""
    if reason and reason != _logged[0]:
        logger.warning(
            "The database cannot be used: %s; check that the one at DATABASE_URL answers, accepts"
            " writes and was prepared by `manage.py prepare`.",
            reason,
        )
    _logged[0] = reason


_logged = [""]

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
