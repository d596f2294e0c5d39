"""The application that the server loads (`python -m larder.ops.serve`).

Refuses to start with unsafe settings: then the process ends with REFUSED, and with it the server
(larder/ops/serving/granian_server.py). Django runs its system checks only for commands, so they are
run here again.
"""

import gc
import os
import sys
from typing import NoReturn

from larder.ops.serve import POOL_SIZE, REFUSED, WORKER_INDEX

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "larder.config.settings")
# The threads of a server share a pool of connections; a command opens and closes one.
os.environ.setdefault("DB_POOL_SIZE", str(POOL_SIZE))

from django.conf import settings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from larder.core.structs import prepare_decoding
from larder.db.postgresql.connection import ANSWER_TIMEOUT, BoundedConnection
from larder.ops.serving import scheduling


def refuse(*reasons: object) -> NoReturn:
    """Ends the process, and says why."""
    sys.stderr.write("\n".join(["Larder does not start like this:", *map(str, reasons), ""]))
    sys.exit(REFUSED)


try:
    wsgi = get_wsgi_application()
except ImproperlyConfigured as error:
    refuse(error)

# They import models, so Django must be set up first.
from larder.front import orders, products  # noqa: E402
from larder.front.application import AtOnce, Front  # noqa: E402
from larder.front.threads import Threads  # noqa: E402
from larder.front.turns import queue_of  # noqa: E402
from larder.http import shop  # noqa: E402
from larder.ops.telemetry import metrics  # noqa: E402
from larder.orders.services import batches  # noqa: E402

if unsafe := [
    message
    for message in run_checks(include_deployment_checks=True, databases=["default"])
    if message.is_serious() and not message.is_silenced()
]:
    refuse(*unsafe)

metrics.start()
batches.start(shop.terms())
BoundedConnection.longest = ANSWER_TIMEOUT
if settings.PIN_WORKERS:
    scheduling.pin(os.environ.get(WORKER_INDEX, ""), settings.WORKERS)

threads = Threads(settings.THREADS)
at_once: dict[tuple[str, str], AtOnce] = {
    (orders.METHOD, orders.PATH): orders.orders(threads),
    (orders.METHOD, orders.CONFIRMED): orders.confirmations(threads),
    (products.METHOD, products.PATH): products.Products(threads),
}
# With tracing, Django answers all requests: traces begin in its middleware.
application = Front(
    wsgi,
    threads,
    {} if settings.OTEL_EXPORTER_OTLP_ENDPOINT else at_once,
    queue_of,
)

get_resolver().url_patterns  # noqa: B018 - loads every view
prepare_decoding()
# Objects loaded so far are never garbage. Without the freeze the collector scans them again and
# again: a fifth of the time of a list page, a tenth of that of an order.
gc.collect()
gc.freeze()
