"""One correlation id from a request to its jobs and their log lines."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

from larder.core.clock import now
from larder.core.ids import CORRELATION_ID
from larder.db import database
from larder.notifications.services import PASSWORD_RESET, queue_mail
from larder.worker.connection import correlate


def id_in(arguments: dict[str, Any]) -> str | None:
    """Returns the correlation id while a job with these arguments runs."""

    async def run() -> str | None:
        return CORRELATION_ID.get()

    context: Any = SimpleNamespace(job=SimpleNamespace(task_kwargs=arguments, task_name="any"))
    return cast(str | None, asyncio.run(correlate(run, context, None)))


def test_a_mail_has_the_id_of_its_request(transactional_db: None) -> None:
    before = CORRELATION_ID.set(uuid4().hex)
    try:
        queue_mail(PASSWORD_RESET, uuid4(), now=now())
        asked_as = CORRELATION_ID.get()
    finally:
        CORRELATION_ID.reset(before)
    ((arguments,),) = database.rows("SELECT args FROM procrastinate_jobs")
    assert id_in(json.loads(arguments)) == asked_as


def test_a_periodic_job_has_a_new_id() -> None:
    assert UUID(id_in({"timestamp": 0}))
