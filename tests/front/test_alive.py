"""The probe that needs no thread."""

import asyncio

from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory

from larder.front.alive import Alive
from larder.front.application import call
from larder.http.answered_requests import BEGAN
from tests.front.in_process import unstreamed


def test_the_event_loop_repeats_the_answer_of_django(db: None) -> None:
    alive = Alive()
    environ = RequestFactory().get("/livez").environ | {BEGAN: 0}
    assert asyncio.run(alive.answer(environ, b"")) is None
    first = call(WSGIHandler(), environ.copy(), b"", unstreamed, unstreamed)
    assert first is not None
    alive.learn(environ, first)
    answer = asyncio.run(alive.answer(environ, b""))
    assert answer is not None
    assert (answer.status, answer.body) == (200, first.body)
    assert [name for name, _ in answer.headers].count(b"correlation-id") == 1
    assert {name for name, _ in answer.headers} == {name for name, _ in first.headers}
