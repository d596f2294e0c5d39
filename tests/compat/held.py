"""Requests that are delayed in the middle, so that other changes can happen meanwhile."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg

from tests.database import lock_is_awaited
from tests.server import Reply
from tools.processes import wait_until

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
            assert wait_until(lambda: lock_is_awaited() or asked.done())
            assert not asked.done(), asked.result()
            return asked

        yield begin
        owner.commit()
