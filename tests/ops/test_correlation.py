"""The log lines of a job have one correlation id."""

import asyncio
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from larder.core.ids import CORRELATION_ID
from larder.worker.connection import correlate


def test_each_job_has_a_new_id() -> None:
    async def run() -> str | None:
        return CORRELATION_ID.get()

    context: Any = SimpleNamespace(job=SimpleNamespace(task_name="any"))
    first, second = (UUID(asyncio.run(correlate(run, context, None))) for _ in range(2))
    assert first != second
