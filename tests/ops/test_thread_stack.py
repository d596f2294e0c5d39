"""The stack of the threads that run the application."""

import pytest

from tests.server import Server
from tests.system.faults.processes import workers


@pytest.mark.system
def test_a_decoder_without_a_nesting_limit_does_not_overflow_the_stack() -> None:
    application = "tests.ops.nested_application:application"
    with Server(workers=1, application=application) as running:
        before = workers(running)
        for depth in (9_000, 300_000):
            assert running.call("POST", "/", b"[" * depth).status == 400
        assert workers(running) == before
