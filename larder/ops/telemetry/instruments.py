"""The metrics, by their names in Prometheus."""

from typing import get_args

from prometheus_client import Counter, Gauge, Histogram

from larder.core.telemetry import Reason
from larder.orders.services.payments import Outcome

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the buckets, in seconds. They include those of docs/operate/alerts.md."""

REQUESTS = Counter(
    "larder_http_requests_total",
    "Answered requests, by the class of the status.",
    ["method", "route", "status"],
)
DURATION = Histogram(
    "larder_http_request_duration_seconds",
    "Time from the arrival of a whole request until its answer began.",
    ["method", "route"],
    buckets=BOUNDS,
)
BATCH_SIZE = Histogram(
    "larder_placement_batch_size",
    "Orders in one transaction (group commit).",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128),
)
WAIT = Histogram(
    "larder_placement_wait_seconds",
    "Time that an order waited until its transaction began.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
TRANSACTION = Histogram(
    "larder_placement_transaction_seconds",
    "Duration of a batch's transaction, including its waits for locks.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
WAITING = Gauge(
    "larder_placement_waiting",
    "Orders that wait for the next transaction.",
    multiprocess_mode="livesum",
)
REJECTED = Counter(
    "larder_placement_rejected_total",
    "Orders that were rejected without a transaction: the queue was full, or they were too late.",
    ["reason"],
)
# With a series from the start, Prometheus also counts the first event.
for reason in get_args(Reason):
    REJECTED.labels(reason)
PLACED = Counter("larder_orders_placed_total", "Placed orders.")
REPEATED = Counter(
    "larder_orders_repeated_total",
    "Repeated requests, answered with the order that was placed before.",
)
REFUSED = Counter(
    "larder_orders_refused_total",
    "Refused orders, by the code of the problem.",
    ["code"],
)
FAILED = Counter("larder_orders_failed_total", "Orders whose transaction failed.")
PAYMENTS = Counter(
    "larder_payment_events_total",
    "Events of payment providers, by what became of them.",
    ["provider", "outcome"],
)
for provider in ("stripe", "signed"):
    for outcome in (*Outcome, "conflict", "unmatched", "refused"):
        PAYMENTS.labels(provider, outcome)
READS = Counter(
    "larder_reads_total",
    "Reads that a replica may answer, by what answered: a replica, or the primary, because "
    "replicas were behind or one failed.",
    ["by"],
)
for by in ("replica", "behind", "failed"):
    READS.labels(by)
REPLICA_AWAY = Gauge(
    "larder_replica_away",
    "1: the last attempt to use the replica failed. 0: it succeeded.",
    ["replica"],
    multiprocess_mode="livemax",
)
POOL_CONNECTIONS = Gauge(
    "larder_database_pool_connections",
    "Connections to the database, in use or free.",
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
        "larder_database_pool_requests_queued_total", "Connection requests that waited."
    ),
    "requests_wait_ms": Counter(
        "larder_database_pool_wait_seconds_total", "Time that connection requests waited."
    ),
    "requests_errors": Counter(
        "larder_database_pool_requests_failed_total", "Connection requests that timed out."
    ),
    "connections_lost": Counter(
        "larder_database_pool_connections_lost_total", "Connections that were lost."
    ),
}
"""By the names of psycopg_pool's statistics, which count since the start of the process."""
