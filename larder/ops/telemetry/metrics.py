"""`/metrics`: the metrics of the server's processes, for Prometheus only."""

import hmac
import logging
import os
from ipaddress import ip_network
from threading import Event as Signal
from threading import Lock, Thread

from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4 as TEXT
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from larder.core import telemetry, waits
from larder.core.errors import DomainError
from larder.db import replicas
from larder.http import answered_requests, authentication
from larder.identity.services.attempts import parsed
from larder.ops.serve import COUNTS
from larder.ops.telemetry import at_end, instruments, logs, requests
from larder.ops.telemetry.shop_state import ShopState
from larder.orders.services.placing.placement import Placed

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""Seconds between two updates of the metrics of a process."""
MILLISECOND = 0.001
PASSED_ON = (
    *("HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_CLIENT"),
    *("HTTP_X_AMZN", "HTTP_CF_", "HTTP_TRUE_CLIENT", "HTTP_CDN_"),
)
"""Prefixes of the headers that proxies add."""


def page(request: HttpRequest) -> HttpResponse:
    """Returns all metrics as text; 404 to clients that may not see them (`may_see`)."""
    if not may_see(request):
        raise Http404
    add_up()
    shop = CollectorRegistry()
    shop.register(ShopState())
    counted = REGISTRY
    if COUNTS in os.environ:
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    return HttpResponse(generate_latest(counted) + generate_latest(shop), TEXT)


def may_see(request: HttpRequest) -> bool:
    """Returns whether the request has METRICS_TOKEN, or comes from this machine.

    A request that a proxy passed on is not from this machine, also if the proxy is.
    """
    header, token = request.headers.get("Authorization", ""), settings.METRICS_TOKEN
    if token and hmac.compare_digest(header.encode(), f"Bearer {token}".encode()):
        return True
    if any(name.startswith(PASSED_ON) for name in request.META):
        return False
    address = parsed(request.META.get("REMOTE_ADDR", ""))
    proxies = [ip_network(proxy, strict=False) for proxy in settings.TRUSTED_PROXIES]
    is_local = address is not None and address.is_loopback
    return is_local and not any(address in network for network in proxies)


def _count_batch(batch: telemetry.Batch) -> None:
    """Counts a batch of requests. Takes 8 µs, and 2 µs for each of its orders."""
    instruments.TRANSACTION.observe(batch.seconds)
    instruments.WAITING.set(batch.waiting)
    for seconds in batch.waited:
        instruments.WAIT.observe(seconds)
    orders = [result for result in batch.results if isinstance(result, Placed)]
    repeated = sum(order.replayed for order in orders)
    instruments.PLACED.inc(len(orders) - repeated)
    instruments.REPEATED.inc(repeated)
    for result in batch.results:
        if isinstance(result, DomainError):
            instruments.REFUSED.labels(result.code).inc()
        elif isinstance(result, Exception):
            instruments.FAILED.inc()
    # Last: who has seen it finds the batch in the others, too.
    instruments.BATCH_SIZE.observe(len(batch.results))


_adding = Lock()
_ADD_WITHIN = 10.0


def add_up() -> None:
    """Updates all metrics of this process, and writes the log lines of its requests. Leaves both to
    the next call if another thread does not finish within ten seconds."""
    with waits.holding(_adding, _ADD_WITHIN) as in_time:
        if not in_time:
            return
        taken = telemetry.taken(answered_requests.answered)
        requests.count(taken)
        for batch in telemetry.taken(telemetry.batches):
            _count_batch(batch)
        for reason in telemetry.taken(telemetry.orders_rejected):
            instruments.REJECTED.labels(reason).inc()
        for provider, outcome in telemetry.taken(telemetry.payments):
            instruments.PAYMENTS.labels(provider, outcome).inc()
        for by in telemetry.taken(telemetry.reads):
            instruments.READS.labels(by).inc()
        look_at_databases()
    requests.write_lines(taken)


_counted: dict[str, float] = {}


def look_at_databases() -> None:
    """Updates the gauges of the replicas and of the pool, as this process knows them, and adds what
    the pool counted since the last call."""
    for replica in replicas.replicas():
        instruments.REPLICA_AWAY.labels(replica.alias).set(replica.is_away)
    pool = getattr(connection, "pool", None)
    if not pool:
        return
    stats = pool.get_stats()
    free = stats.get("pool_available", 0)
    instruments.POOL_CONNECTIONS.labels("free").set(free)
    instruments.POOL_CONNECTIONS.labels("used").set(stats.get("pool_size", 0) - free)
    instruments.POOL_WAITING.set(stats.get("requests_waiting", 0))
    for name, counter in instruments.POOL_COUNTS.items():
        now = stats.get(name, 0) * (MILLISECOND if name.endswith("_ms") else 1)
        counter.inc(max(0.0, now - _counted.get(name, 0.0)))
        _counted[name] = now


def start() -> None:
    """Starts to count, and to read the ended sessions, in a server process."""
    logs.start()
    # A process that is not killed also counts its last seconds.
    at_end(add_up)
    Thread(target=_keep_adding, name="metrics", daemon=True).start()


def _keep_adding() -> None:
    while not waits.wait(_NEVER, LOOK_SECONDS):
        try:
            add_up()
            authentication.ENDED_SESSIONS.read_again()
        except Exception:
            # The thread must not end, or counting would stop.
            logger.exception("The counts of this process could not be updated.")


_NEVER = Signal()
