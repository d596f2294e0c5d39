"""`/metrics`: what the server's processes have counted, for Prometheus and nobody else."""

import hmac
import logging
import os
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from threading import Event, Lock, Thread
from types import ModuleType
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse

from larder.core import telemetry, waits
from larder.core.errors import DomainError
from larder.db import replicas
from larder.ops import log_writer, requests
from larder.ops.durations import Durations
from larder.ops.endings import at_end
from larder.orders.services.contended import Contended

logger = logging.getLogger(__name__)

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder where the processes of one server count together. Whoever
starts the server makes and empties it; without it each process tells of itself alone."""
LOOK_SECONDS = 1.0
"""How often a process adds up what it has done, and looks how it stands."""
MILLISECOND = 0.001
PASSED_ON = (
    *("HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_CLIENT"),
    *("HTTP_X_AMZN", "HTTP_CF_", "HTTP_TRUE_CLIENT", "HTTP_CDN_"),
)
"""How the headers begin that proxies add."""


def page(request: HttpRequest) -> HttpResponse:
    """All metrics as text. 404 for whoever may not see them (`may_see`)."""
    if not may_see(request):
        raise Http404
    _instruments()
    from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4 as TEXT
    from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    from larder.ops.shop_state import STATE

    add_up()
    shop = CollectorRegistry()
    shop.register(STATE)
    counted = REGISTRY
    if os.environ.get(FOLDER):
        from larder.ops import counted_together

        counted_together.forget_ended(Path(os.environ[FOLDER]))
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    return HttpResponse(generate_latest(counted) + generate_latest(shop), TEXT)


def may_see(request: HttpRequest) -> bool:
    """Whoever has METRICS_TOKEN, and this machine itself.

    What a proxy passed on is not this machine's, wherever the proxy runs.
    """
    given, token = request.headers.get("Authorization", ""), settings.METRICS_TOKEN
    if token and hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return True
    if any(name.startswith(PASSED_ON) for name in request.META):
        return False
    return _is_loopback(request.META.get("REMOTE_ADDR", ""))


def _is_loopback(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    proxies = [ip_network(one, strict=False) for one in settings.TRUSTED_PROXIES]
    return address.is_loopback and not any(address in proxy for proxy in proxies)


@cache
def _instruments() -> ModuleType:
    if folder := os.environ.get(FOLDER):
        Path(folder).mkdir(parents=True, exist_ok=True)
    else:
        # The library takes an empty name for the present folder.
        os.environ.pop(FOLDER, None)
    if folder:
        from larder.ops import counted_together

        counted_together.prepare(folder)
    from larder.ops import instruments

    return instruments


class PlacingCounted:
    """Counts batches of orders (larder/core/telemetry.py)."""

    def batch_done(self, batch: telemetry.Batch) -> None:
        """Costs 8 µs for a batch and 2 µs for each of its orders."""
        to = _instruments()
        to.BATCH_SIZE.observe(len(batch.results))
        to.TRANSACTION.observe(batch.seconds)
        to.WAITING.set(batch.waiting)
        for seconds in batch.waited:
            to.WAIT.observe(seconds)
        others = [one for one in batch.results if getattr(one, "replayed", True)]
        to.PLACED.inc(len(batch.results) - len(others))
        for one in others:
            _count_other(one, to)

    def refused(self, reason: telemetry.Reason) -> None:
        """An order that was not tried."""
        _instruments().REJECTED.labels(reason).inc()


def _count_other(answer: object, to: ModuleType) -> None:
    """What is no order that was placed now."""
    if not isinstance(answer, Exception):
        to.REPEATED.inc()
    elif isinstance(answer, DomainError):
        to.REFUSED.labels(answer.code).inc()
    elif not isinstance(answer, Contended):
        to.FAILED.inc()


_adding = Lock()


def add_up() -> None:
    """Brings all numbers of this process up to now, and writes the lines of its requests."""
    with waits.holding(_adding):
        taken = requests.take()
        _count_requests(taken)
        _count_held(telemetry.connections_held, _instruments().CONNECTION_HELD)
        _count_held(telemetry.locks_held, _instruments().LOCKS_HELD)
        _count_reads()
        look_at_pool()
    requests.write_lines(taken)


def _count_requests(taken: Iterable[requests.Done]) -> None:
    tally, to = requests.Tally(taken), _instruments()
    for labels, number in tally.requests.items():
        to.REQUESTS.labels(*labels).inc(number)
    for where, durations in tally.durations.items():
        to.DURATION.labels(*where).add(durations)


def _count_held(ended: deque[float], histogram: Any) -> None:
    held = Durations()
    with suppress(IndexError):
        for _ in range(len(ended)):
            held.add([ended.popleft()])
    histogram.add(held)


_counted: dict[str, float] = {}


def look_at_pool() -> None:
    """Notes how the pool of this process stands, and what it has counted since last time."""
    pool = getattr(connection, "pool", None)
    if not pool:
        return
    to, stats = _instruments(), pool.get_stats()
    free = stats.get("pool_available", 0)
    to.POOL_CONNECTIONS.labels("free").set(free)
    to.POOL_CONNECTIONS.labels("used").set(stats.get("pool_size", 0) - free)
    to.POOL_WAITING.set(stats.get("requests_waiting", 0))
    for name, counter in to.POOL_COUNTS.items():
        now = stats.get(name, 0) * (MILLISECOND if name.endswith("_ms") else 1)
        counter.inc(max(0.0, now - _counted.get(name, 0.0)))
        _counted[name] = now


def _count_reads() -> None:
    for by, times in replicas.take_counts().items():
        _instruments().READS.labels(by).inc(times)


def look_at_replicas() -> None:
    """Notes how the replicas are, asking them and the primary."""
    to = _instruments()
    for one in replicas.replicas():
        one.probe()
        to.REPLICA_AWAY.labels(one.alias).set(one.is_away)
        to.REPLICA_BEHIND.labels(one.alias).set(one.behind)


def start() -> None:
    """Begins to count, in a process that serves."""
    log_writer.start()
    _instruments()
    # What the last second had is not lost with a process that ends in order.
    at_end(add_up)
    Thread(target=_keep_looking, name="metrics", daemon=True).start()


def _keep_looking() -> None:
    pause = Event()
    while not waits.wait(pause, LOOK_SECONDS):
        try:
            add_up()
            look_at_replicas()
        except Exception:
            # A full disk, say. Who stops counting for good is noticed by nobody.
            logger.exception("what was done could not be counted")
