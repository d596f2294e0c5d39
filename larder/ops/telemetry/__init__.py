"""What operators see of the processes: metrics, log lines, spans, reports of errors.

Sentry and OpenTelemetry are started if their variables are set, and are imported nowhere else.
"""

import atexit
from collections.abc import Callable
from importlib import import_module
from multiprocessing.util import Finalize

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def start_reporting() -> None:
    """Called once in each process: servers, worker, commands. Raises ImproperlyConfigured."""
    if settings.SENTRY_DSN:
        _start("larder.ops.telemetry.error_reporting", "SENTRY_DSN")
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        _start("larder.ops.telemetry.tracing", "OTEL_EXPORTER_OTLP_ENDPOINT")


def _start(module: str, variable: str) -> None:
    try:
        reporting = import_module(module)
    except ModuleNotFoundError as missing:
        raise ImproperlyConfigured(
            f"{variable} is set, and {missing.name} is not installed: "
            "install requirements/prod.txt, or larder[telemetry]."
        ) from missing
    reporting.start()


def at_end(work: Callable[[], object]) -> None:
    """Calls `work` once at the end of the process, unless it is killed. The workers of granian end
    as processes of multiprocessing do, which do not call the functions of atexit."""
    once = Finalize(None, work, exitpriority=10)
    atexit.register(once)
