"""A shared cache, a real Redis or Memcached, that runs, is off, or ends during the test."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import BaseCache
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from larder.identity.services.rates import Bucket, InDatabase, Rate, RateLimited
from larder.identity.services.rates import in_cache as rates_in_cache
from larder.identity.services.rates.in_cache import InCache
from larder.ops.caches import caches
from tests.conftest import Person
from tests.ops.caches import KINDS, running
from tests.server import Server
from tools.ports import free_port

DAY = Rate(5, 86_400)
TIMEOUT = 20.0


@contextmanager
def client(kind: str, port: int) -> Iterator[BaseCache]:
    """Django's, with Larder's options, and a longer timeout: a cache that waits for a processor is
    not away."""
    given = caches(f"{kind}://127.0.0.1:{port}")["default"]
    waits = given["OPTIONS"].keys() & {
        *("socket_timeout", "socket_connect_timeout"),
        *("timeout", "connect_timeout"),
    }
    assert len(waits) == 2
    given["OPTIONS"] |= dict.fromkeys(waits, TIMEOUT)
    backend = import_string(given.pop("BACKEND"))
    made = backend(given.pop("LOCATION"), given)
    try:
        yield made
    finally:
        for pool in getattr(made._cache, "_pools", {}).values():
            pool.disconnect()
        getattr(made._cache, "close", lambda: None)()


def noon() -> float:
    """No window ends while a test runs."""
    return 20_000.5 * 86_400


def taken(store: InCache, *buckets: Bucket) -> int:
    """How many times all of them let a client through."""
    for number in range(50):
        try:
            store.take(buckets)
        except RateLimited:
            return number
    raise AssertionError("no limit")


@pytest.mark.system
@pytest.mark.parametrize("kind", KINDS)
def test_attempts_are_counted_in_the_shared_cache(
    kind: str, tmp_path: Path, django_assert_num_queries: Callable[[int], Any], db: None
) -> None:
    port = free_port()
    with running(kind, port, tmp_path), client(kind, port) as cache, django_assert_num_queries(0):
        store = InCache(cache, InDatabase(), noon)
        one, other, mark = Bucket(uuid4(), DAY), Bucket(uuid4(), Rate(9, 86_400)), uuid4()
        first = store.take([one, other])
        assert taken(store, other, one) == 4
        # Neither refused tries count, nor what was refused because of the other.
        assert taken(store, other) == 4
        store.settle(first[:1])
        assert taken(store, one) == 1
        excused = Bucket(uuid4(), DAY, excuse=mark)
        assert taken(store, excused) == 5
        store.settle([], mark)
        assert store.take([excused]) == []
        with pytest.raises(RateLimited) as refused:
            store.take([one])
        assert 0 < refused.value.wait <= 86_400


@pytest.mark.system
@pytest.mark.parametrize("kind", KINDS)
def test_an_attempt_is_returned_to_the_window_from_which_it_was_taken(
    kind: str, tmp_path: Path, db: None
) -> None:
    """Else log-ins that are under way when a window ends would make guesses of the next."""
    port, moment, one = free_port(), [noon()], Bucket(uuid4(), DAY)
    with running(kind, port, tmp_path), client(kind, port) as cache:
        store = InCache(cache, InDatabase(), lambda: moment[0])
        (first,), (second,) = store.take([one]), store.take([one])
        store.settle([first])
        assert taken(store, one) == 4
        moment[0] += DAY.seconds
        assert store.take([one])
        store.settle([second])
        assert taken(store, one) == 4


@pytest.mark.system
@pytest.mark.parametrize("kind", KINDS)
def test_the_database_does_not_return_an_attempt_that_the_cache_counted(
    kind: str, tmp_path: Path, db: None
) -> None:
    one = Bucket(uuid4(), DAY)
    with running(kind, port := free_port(), tmp_path), client(kind, port) as cache:
        store = InCache(cache, InDatabase(), noon)
        tries = store.take([one])
        store._failed(OSError())
        assert taken(store, one) == 5
        store.settle(tries)
        assert taken(store, one) == 0


@pytest.mark.system
@pytest.mark.parametrize("kind", KINDS)
def test_exactly_the_limit_of_sixty_concurrent_attempts_is_accepted(
    kind: str, tmp_path: Path
) -> None:
    port = free_port()
    with running(kind, port, tmp_path), ThreadPoolExecutor(20) as crowd:
        one = Bucket(uuid4(), DAY)

        def attempt(_: int) -> bool:
            with client(kind, port) as cache:
                try:
                    return bool(InCache(cache, InDatabase(), noon).take([one]))
                except RateLimited:
                    return False

        assert Counter(crowd.map(attempt, range(60))) == {True: 5, False: 55}


@pytest.mark.system
@pytest.mark.parametrize("kind", KINDS)
def test_the_database_counts_while_the_cache_is_down(
    kind: str, tmp_path: Path, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, one = free_port(), Bucket(uuid4(), DAY)
    with client(kind, port) as cache:
        store = InCache(cache, InDatabase(), noon)
        with running(kind, port, tmp_path):
            assert taken(store, one) == 5
        began = time.monotonic()
        assert taken(store, one) == 5
        store.settle([one])
        assert taken(store, one) == 1
        assert time.monotonic() - began < 10
    # Memcached's client leaves a dead server alone for a while by itself: here it is another.
    with running(kind, port, tmp_path), client(kind, port) as cache:
        monkeypatch.setattr(rates_in_cache, "RETRY_SECONDS", 0.0)
        store._cache = cache
        assert taken(store, one) == 5


@pytest.mark.system
@pytest.mark.parametrize("kind", KINDS)
def test_a_server_works_while_its_cache_is_down(
    kind: str, tmp_path: Path, transactional_db: None, person: Callable[..., Person]
) -> None:
    port, who = free_port(), person()
    options = {"CACHE_URL": f"{kind}://127.0.0.1:{port}", "RATE_LIMITS": "normal"}

    def log_in(server: Server, password: str = "wrong") -> int:
        body = {"username": who.customer.username, "password": password}
        return server.call("POST", "auth/token", body).status

    with Server(workers=2, environment=options) as server:
        assert log_in(server, who.password) == 200
        with running(kind, port, tmp_path):
            time.sleep(rates_in_cache.RETRY_SECONDS + 0.5)
            # Ten may be wrong in ten minutes, which may end just now, and while the cache is
            # late the database counts ten of them itself.
            statuses = [log_in(server) for _ in range(31)]
        assert log_in(server, who.password) in {200, 429}
        assert server.call("GET", "/livez").status == 200
    assert set(statuses) == {401, 429}


@pytest.mark.parametrize(
    "url", ["redis", "redis://", "http://host", "memcached://", "locmem://", "//host", "redis:///0"]
)
def test_an_invalid_cache_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="CACHE_URL is not a URL") as refused:
        caches(f"{url}?password=s3cret" if "host" in url else url)
    assert "s3cret" not in str(refused.value)
