"""`/metrics`: the metrics of the server's processes, for Prometheus only."""

import hmac
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable
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
from larder.http import answered_requests
from larder.ops.serving.shutdown import at_end
from larder.ops.telemetry import log_writer, requests
from larder.ops.telemetry.durations import Durations

logger = logging.getLogger(__name__)

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The library's variable: the folder where the processes of one server share their counts, which is
SHARED_DIR. Without it, each process shows only its own counts."""
FILE_BYTES = {
    "counter": 524_288,
    "histogram": 1_048_576,
    "gauge_livesum": 65_536,
    "gauge_livemax": 65_536,
}
"""The library's files of a process, and room for the series of every path and method."""
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
    _instruments()
    from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4 as TEXT
    from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    from larder.ops.telemetry.shop_state import STATE

    add_up()
    shop = CollectorRegistry()
    shop.register(STATE)
    counted = REGISTRY
    if folder := os.environ.get(FOLDER):
        _forget_ended(Path(folder))
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    return HttpResponse(generate_latest(counted) + generate_latest(shop), TEXT)


def may_see(request: HttpRequest) -> bool:
    """Returns whether the request has METRICS_TOKEN, or comes from this machine.

    A request that a proxy passed on is not from this machine, also if the proxy is.
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
    os.environ.pop(FOLDER, None)
    if settings.SHARED_DIR:
        try:
            _make_files(Path(settings.SHARED_DIR))
        except OSError as error:
            logger.warning(
                "The counts of this process are missing from /metrics of the others: %s. Make room"
                " in the folder of the metrics, then restart the server.",
                error,
            )
        else:
            os.environ[FOLDER] = settings.SHARED_DIR
    from larder.ops.telemetry import instruments

    return instruments


def _make_files(folder: Path) -> None:
    """Makes the library's files of this process, with all blocks allocated: the kernel ends a
    process that writes to a mapped file without blocks on a full disk. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {folder / f"{kind}_{os.getpid()}.db": size for kind, size in FILE_BYTES.items()}
    try:
        for file, size in files.items():
            with file.open("wb") as opened:
                opened.truncate(size)
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(opened.fileno(), 0, size)
    except OSError:
        for file in files:
            file.unlink(missing_ok=True)
        raise


def _forget_ended(folder: Path) -> None:
    """Deletes the gauges of processes that have ended. Their counts stay."""
    for file in folder.glob("gauge_live*_*.db"):
        try:
            os.kill(int(file.stem.rpartition("_")[2]), 0)
        except ProcessLookupError:
            file.unlink(missing_ok=True)


class PlacingCounted:
    """Counts batches of orders (larder/core/telemetry.py)."""

    def batch_done(self, batch: telemetry.Batch) -> None:
        """Counts a batch. Takes 8 µs, and 2 µs for each of its orders."""
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
        """Counts an order that was rejected before a transaction."""
        _instruments().REJECTED.labels(reason).inc()


def _count_other(answer: object, to: ModuleType) -> None:
    """Counts an answer that is not a newly placed order."""
    if not isinstance(answer, Exception):
        to.REPEATED.inc()
    elif isinstance(answer, DomainError):
        to.REFUSED.labels(answer.code).inc()
    else:
        to.FAILED.inc()


_adding = Lock()
_ADD_WITHIN = 10.0


def add_up() -> None:
    """Updates all metrics of this process, and writes the log lines of its requests. Leaves both to
    the next call if another thread does not finish within ten seconds."""
    with waits.holding(_adding, _ADD_WITHIN) as in_time:
        if not in_time:
            return
        taken = answered_requests.take()
        _count_requests(taken)
        _count_held(telemetry.connections_held, _instruments().CONNECTION_HELD)
        _count_held(telemetry.locks_held, _instruments().LOCKS_HELD)
        _count_each(telemetry.payments, lambda named: _instruments().PAYMENTS.labels(*named))
        _count_each(telemetry.hashes_refused, _instruments().HASHES_REFUSED.labels)
        _count_reads()
        look_at_pool()
    requests.write_lines(taken)


def _count_requests(taken: Iterable[answered_requests.AnsweredRequest]) -> None:
    tally, to = requests.Tally(taken), _instruments()
    for labels, number in tally.requests.items():
        to.REQUESTS.labels(*labels).inc(number)
    for where, durations in tally.durations.items():
        to.DURATION.labels(*where).add(durations)


def _count_each(events: deque[Any], counter: Callable[[Any], Any]) -> None:
    with suppress(IndexError):
        for _ in range(len(events)):
            counter(events.popleft()).inc()


def _count_held(ended: deque[float], histogram: Any) -> None:
    held = Durations()
    with suppress(IndexError):
        for _ in range(len(ended)):
            held.add([ended.popleft()])
    histogram.add(held)


_counted: dict[str, float] = {}


def look_at_pool() -> None:
    """Updates the gauges of this process's pool, and adds what it counted since the last call."""
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
    """Updates the gauges of the replicas, as this process knows them."""
    for replica in replicas.replicas():
        _instruments().REPLICA_AWAY.labels(replica.alias).set(replica.is_away)


def start() -> None:
    """Starts to count, in a server process."""
    log_writer.start()
    _instruments()
    # A process that is not killed also counts its last seconds.
    at_end(add_up)
    _repeat(_look, LOOK_SECONDS, "metrics")


def _look() -> None:
    add_up()
    look_at_replicas()


def _repeat(work: Callable[[], None], seconds: float, name: str) -> None:
    Thread(target=_keep_repeating, args=(work, seconds, name), name=name, daemon=True).start()


def _keep_repeating(work: Callable[[], None], seconds: float, name: str) -> None:
    pause = Event()
    while not waits.wait(pause, seconds):
        try:
            work()
        except Exception:
            # For example, the disk is full. The thread must not end, or counting would stop.
            logger.exception(
                "The counts of this process (%s) could not be updated, and are kept. Read the"
                " error; if a disk is full, free space in %s.",
                name,
                FOLDER,
            )
