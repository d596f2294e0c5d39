"""What is measured, under the names that Prometheus sees.

Imported by servers alone, and late: the library decides at its import whether the processes of
one server add up (PROMETHEUS_MULTIPROC_DIR) or each counts for itself.
"""

from typing import get_args

from prometheus_client import Counter, Gauge, Histogram

from larder.core.telemetry import Reason
from larder.ops.durations import BOUNDS, Durations


class AddedUp(Histogram):
    """A histogram of what was counted elsewhere: the library's own takes one at a time."""

    def add(self, these: Durations) -> None:
        """Their counts into the buckets, which have the same bounds."""
        self._sum.inc(these.seconds)
        for bucket, count in zip(self._buckets, these.counts, strict=True):
            if count:
                bucket.inc(count)


REQUESTS = Counter(
    "larder_http_requests_total",
    "Requests that were answered, by the class of the answer's status.",
    ["method", "route", "status"],
)
DURATION = AddedUp(
    "larder_http_request_duration_seconds",
    "How long a request took from its coming to Django, or in front of it, until its answer began.",
    ["method", "route"],
    buckets=BOUNDS,
)
BATCH_SIZE = Histogram(
    "larder_placement_batch_size",
    "Orders that one transaction decided (group commit).",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128),
)
WAIT = Histogram(
    "larder_placement_wait_seconds",
    "How long an order waited until the transaction it went into began.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
TRANSACTION = Histogram(
    "larder_placement_transaction_seconds",
    "How long a batch's transaction ran, with its waiting for locks.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
LOCKS_HELD = AddedUp(
    "larder_placement_locks_held_seconds",
    "How long a batch's transaction held its locks of stock, from the last one to its end.",
    buckets=BOUNDS,
)
WAITING = Gauge(
    "larder_placement_waiting",
    "Orders that wait for the next transaction.",
    multiprocess_mode="livesum",
)
REJECTED = Counter(
    "larder_placement_rejected_total",
    "Orders that were rejected untried: the queue was full, or they had waited too long (late).",
    ["reason"],
)
# A series that is there before its first event shows that one too.
for reason in get_args(Reason):
    REJECTED.labels(reason)
PLACED = Counter("larder_orders_placed_total", "Orders that were placed.")
REPEATED = Counter(
    "larder_orders_repeated_total",
    "Requests that were answered with the order that was placed before.",
)
REFUSED = Counter(
    "larder_orders_refused_total",
    "Orders that were refused, by the code the client was told.",
    ["code"],
)
FAILED = Counter("larder_orders_failed_total", "Orders whose transaction failed.")
CONNECTION_HELD = AddedUp(
    "larder_database_connection_held_seconds",
    "How long a connection was kept from the pool.",
    buckets=BOUNDS,
)
READS = Counter(
    "larder_reads_total",
    "Readings that a replica could have answered, by who did: a replica, a page that was kept, or "
    "the primary, because the reader needed it (asked), replicas were behind, or one failed.",
    ["by"],
)
REPLICA_BEHIND = Gauge(
    "larder_replica_behind_seconds",
    "How long ago the replica had everything that the primary had.",
    ["replica"],
    multiprocess_mode="livemax",
)
REPLICA_AWAY = Gauge(
    "larder_replica_away",
    "Whether the replica failed when it was tried last.",
    ["replica"],
    multiprocess_mode="livemax",
)
POOL_CONNECTIONS = Gauge(
    "larder_database_pool_connections",
    "Connections to the database: in use, or free.",
    ["state"],
    multiprocess_mode="livesum",
)
POOL_WAITING = Gauge(
    "larder_database_pool_waiting",
    "Threads that wait for a connection.",
    multiprocess_mode="livesum",
)
POOL_COUNTS = {
    "requests_num": Counter("larder_database_pool_requests_total", "Connection requests."),
    "requests_queued": Counter(
        "larder_database_pool_requests_queued_total", "Connection requests that had to wait."
    ),
    "requests_wait_ms": Counter(
        "larder_database_pool_wait_seconds_total", "How long connection requests waited."
    ),
    "requests_errors": Counter(
        "larder_database_pool_requests_failed_total", "Connection requests that timed out."
    ),
    "connections_lost": Counter(
        "larder_database_pool_connections_lost_total", "Connections that were found dead."
    ),
}
"""By the pool's own names (psycopg_pool), which count since the process began."""
