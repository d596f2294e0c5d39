"""Waits, or makes others wait."""

from time import monotonic, sleep

from larder.db import database

SLOW = "tests.v1.slow_log_ins:application"
SETTINGS = {"TRUSTED_PROXIES": "127.0.0.1", "RATE_LIMITS": "normal", "HASH_SECONDS": "0.1"}
"""Of a server that runs SLOW."""
WAITING = "SELECT FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"


def until_a_transaction_waits() -> None:
    began = monotonic()
    while not database.rows(WAITING, []):
        assert monotonic() - began < 10
        sleep(0.01)
