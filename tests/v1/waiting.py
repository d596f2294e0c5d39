"""Waits, or makes others wait."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep

from larder.db import database
from larder.http import account_requests

SLOW = "tests.v1.slow_log_ins:application"
SETTINGS = {"TRUSTED_PROXIES": "127.0.0.1", "RATE_LIMITS": "normal", "HASH_SECONDS": "0.1"}
"""Of a server that runs SLOW."""
WAITING = "SELECT FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"


@contextmanager
def reads_running(customer: int) -> Iterator[None]:
    """Runs as many reads of the account as a process runs at once."""
    with ExitStack() as running:
        for _ in range(account_requests.MOST_READS):
            running.enter_context(account_requests._reads.hold(customer))
        yield


def until_a_transaction_waits() -> None:
    began = monotonic()
    while not database.rows(WAITING, []):
        assert monotonic() - began < 10
        sleep(0.01)
