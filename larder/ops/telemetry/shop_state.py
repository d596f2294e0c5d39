"""The state of the whole shop, for `/metrics`. It does not depend on the server that answers.

All servers return the same values, so a query uses the maximum: `max(larder_jobs{status="todo"})`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Lock
from typing import Any

from django.db import Error
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from larder.core import waits
from larder.core.stopwatch import Stopwatch
from larder.db import database, observations
from larder.db.observations import Observed
from larder.ops.books.invariants import INVARIANTS
from larder.ops.telemetry import sql

READ_EVERY = 10.0
"""Seconds for which the values are used again without new queries."""


class ShopState(Collector):
    """Gauges that are queried when Prometheus reads them, at most every READ_EVERY seconds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._since_read: Stopwatch | None = None
        self._known: list[GaugeMetricFamily] = []

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yields the gauges; only larder_database_up if the database does not answer. Yields the
        former ones if another thread still reads after READ_EVERY seconds."""
        with waits.holding(self._lock, READ_EVERY) as in_time:
            if in_time and (self._since_read is None or self._since_read.seconds > READ_EVERY):
                self._known = _families()
                self._since_read = Stopwatch()
            return self._known


def _families() -> list[GaugeMetricFamily]:
    up = GaugeMetricFamily(
        "larder_database_up",
        "1: the database answers this server. 0: it does not answer, or no connection was free.",
    )
    try:
        found = [family for collect in COLLECTORS for family in collect()]
    except Error:
        found = []
    finally:
        database.release()
    up.add_metric([], bool(found))
    return [up, *found]


def _jobs() -> Iterator[GaugeMetricFamily]:
    ((todo, doing, due, age),) = database.rows(sql.JOBS)
    ((failed,),) = database.rows(sql.FAILED)
    by_status = (("todo", todo), ("due", due), ("doing", doing), ("failed", failed))
    yield _gauge(
        "larder_jobs",
        "Jobs that wait (todo), of these the due ones (due), that run (doing), or failed (failed).",
        [([status], number) for status, number in by_status],
        "status",
    )
    yield _gauge(
        "larder_jobs_oldest_due_seconds",
        "Time since the oldest waiting job was due.",
        [([], age)],
    )


def _worker() -> Iterator[GaugeMetricFamily]:
    ((beat,),) = database.rows(sql.BEAT)
    yield _gauge(
        "larder_worker_last_heartbeat_timestamp_seconds",
        "Time of the last heart-beat of a job worker; 0: there is none.",
        [([], beat or 0)],
    )


def _replicas() -> Iterator[GaugeMetricFamily]:
    rows = database.rows(sql.REPLICAS)
    yield _gauge(
        "larder_replica_lag_bytes",
        "Bytes of the primary's log that a replica has not replayed.",
        [([name], size) for name, size in rows],
        "replica",
    )


def _refunds() -> Iterator[GaugeMetricFamily]:
    ((number, age),) = database.rows(sql.REFUNDS)
    yield _gauge("larder_refunds_due", "Refunds that are due.", [([], number)])
    yield _gauge(
        "larder_refunds_due_oldest_seconds",
        "Time since the oldest refund has been due.",
        [([], age)],
    )


def _holds() -> Iterator[GaugeMetricFamily]:
    ((number, late),) = database.rows(sql.HOLDS)
    yield _gauge("larder_holds_open", "Orders that await their payment.", [([], number)])
    yield _gauge(
        "larder_holds_oldest_expired_seconds",
        "Time since the oldest hold ended that is not stored as expired; more than a few seconds: "
        "no worker expires holds.",
        [([], late)],
    )


def _observed() -> Iterator[GaugeMetricFamily]:
    noted = observations.noted()
    stock, invariants = noted.get("stock"), noted.get("invariants")
    yield _gauge(
        "larder_products_sold",
        "Products on sale, which are not archived.",
        [([], stock.found["sold"])] if stock else [],
    )
    yield _gauge(
        "larder_products_out_of_stock",
        "Products on sale of which nothing can be ordered now.",
        [([], stock.found["out"])] if stock else [],
    )
    yield _gauge(
        "larder_invariant_violations",
        "Rows that violate an invariant; must be 0.",
        _violations(invariants) if invariants else [],
        "invariant",
    )
    yield _gauge(
        "larder_looked_at_timestamp_seconds",
        "Time of the worker's last check of a subject: stock, invariants.",
        [([subject], one.at.timestamp()) for subject, one in noted.items()],
        "subject",
    )


def _violations(observed: Observed) -> list[tuple[Sequence[str], float]]:
    """Returns the rows of each invariant; 0 for one that the former release did not check."""
    return [([one.name], observed.found.get(one.name, 0)) for one in INVARIANTS]


def _gauge(
    name: str, means: str, samples: Iterable[tuple[Sequence[str], float]], *labels: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, means, labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family


STATE = ShopState()
"""The one of this process."""

COLLECTORS: tuple[Callable[[], Iterator[Any]], ...] = (
    *(_jobs, _worker, _replicas, _refunds, _holds, _observed),
)
