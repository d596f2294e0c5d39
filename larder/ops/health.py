"""Probes: is this process alive, can it serve."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from larder.common import database, replicas
from larder.common.clock import now
from larder.identity import queries as identity
from larder.ops.demo import DEMO_CUSTOMER

WORKER_SILENT_AFTER = timedelta(seconds=40)
"""The worker beats every ten seconds; one that missed three beats is gone."""


def livez(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers. Needs no connection."""
    return JsonResponse({"alive": True})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when this process can serve: database, migrations and, in demo mode, the demo data.

    The worker's heart-beat is told, and how replicas were found a moment ago, but a shop without
    them still sells.
    """
    checks = {"database": False, "migrations": False, "demo": not settings.DEMO}
    worker: dict[str, Any] = {"alive": False, "last_heartbeat": None}
    try:
        checks["database"] = database.rows("SELECT 1") == [(1,)]
        checks["migrations"] = migrated()
        checks["demo"] = not settings.DEMO or identity.exists(DEMO_CUSTOMER)
        worker = _worker()
    except Error:
        pass
    ready = all(checks.values())
    body = {"ready": ready, "checks": checks, "worker": worker, "replicas": _replicas()}
    return JsonResponse(body) if ready else JsonResponse(body, status=503, headers=_LATER)


_LATER = {"Retry-After": "1"}


_done: set[str] = set()


def migrated() -> bool:
    """Whether the database has every migration.

    Looked at until it is true: no migration is undone under a running server.
    """
    if "migrated" not in _done:
        executor = MigrationExecutor(connection)
        if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
            _done.add("migrated")
    return "migrated" in _done


def _replicas() -> dict[str, dict[str, Any]]:
    """By name; `behind` is in seconds."""
    return {
        one.alias: {"away": one.is_away, "behind": round(one.behind, 3)}
        for one in replicas.replicas()
    }


def _worker() -> dict[str, Any]:
    ((beat,),) = database.rows("SELECT max(last_heartbeat) FROM procrastinate_workers")
    alive = beat is not None and now() - beat < WORKER_SILENT_AFTER
    return {"alive": alive, "last_heartbeat": beat}
