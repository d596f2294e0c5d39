"""Requests that are delayed in the middle, so that something can happen meanwhile."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg

from larder.db import database
from tests.server import Reply

Begin = Callable[[Callable[[], Reply]], "Future[Reply]"]


@contextmanager
def held(statement: str, *parameters: Any) -> Iterator[Begin]:
    """Runs a statement as the tables' owner, and commits it at the end of the block.

    What is given to the function in the block begins meanwhile; that returns when the request
    waits for the statement's locks.
    """
    with (
        ThreadPoolExecutor(1) as other,
        psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as owner,
    ):
        owner.execute(statement.encode(), parameters)

        def begin(request: Callable[[], Reply]) -> "Future[Reply]":
            asked = other.submit(request)
            _wait_until_it_waits(asked)
            return asked

        yield begin
        owner.commit()


def _wait_until_it_waits(asked: "Future[Reply]") -> None:
    deadline = time.monotonic() + 10
    while not database.rows(_WAITING):
        assert not asked.done(), asked.result()
        assert time.monotonic() < deadline
        time.sleep(0.01)


_WAITING = """
SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
