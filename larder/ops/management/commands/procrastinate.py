"""Procrastinate's command. Its worker also expires holds, and tells events."""

import os
from contextlib import ExitStack
from typing import Any

from procrastinate.contrib.django.management.commands import procrastinate

from larder.worker import relay

NICENESS = 10
"""Orders come first: what the worker does can wait for a processor."""


class Command(procrastinate.Command):
    """As procrastinate's."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs the command, with the threads that expire holds and tell events beside a worker."""
        with ExitStack() as beside:
            if options.get("command") == "worker":
                os.nice(NICENESS)
                beside.enter_context(relay.running(relay.channels()))
            super().handle(*args, **options)
