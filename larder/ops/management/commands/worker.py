"""`manage.py worker`: expires holds, tells events and runs periodic tasks until INT or TERM."""

import os
import signal
from threading import Event
from typing import Any

from django.core.management import BaseCommand

from larder.ops.tasks import TASKS
from larder.worker import relay

NICENESS = 10
"""Orders come first: what the worker does can wait for a processor."""


class Command(BaseCommand):
    """Several workers can run: one of them works."""

    help = "Expires holds, sends mails and webhooks, deletes old rows, checks the books."

    def handle(self, **options: Any) -> None:
        """Works until a signal."""
        stop = Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        os.nice(NICENESS)
        with relay.running(relay.channels(), TASKS):
            stop.wait()
