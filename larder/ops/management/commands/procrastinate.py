"""Procrastinate's command. Its worker also expires holds."""

from contextlib import nullcontext
from typing import Any

from procrastinate.contrib.django.management.commands import procrastinate

from larder.ops.jobs import hold_expiry


class Command(procrastinate.Command):
    """As procrastinate's."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs the command, with the thread that expires holds beside a worker."""
        is_worker = options.get("command") == "worker"
        with hold_expiry.running() if is_worker else nullcontext():
            super().handle(*args, **options)
