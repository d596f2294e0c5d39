"""The application that the server loads (`python -m larder.ops.serve`).

Refuses to serve with unsafe settings: Django runs its system checks for commands only, so those
that matter are run here once more.
"""

import gc
import os

from larder.ops.serve import POOL_SIZE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# A server shares its connections between threads; commands open one and close it.
os.environ.setdefault("DB_POOL_SIZE", str(POOL_SIZE))

from django.conf import settings
from django.core.cache import DEFAULT_CACHE_ALIAS, caches, close_caches
from django.core.cache.backends.base import BaseCache
from django.core.checks import run_checks
from django.core.handlers.base import reset_urlconf
from django.core.management.base import SystemCheckError
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, reset_queries
from django.urls import get_resolver

from larder.db.postgresql import bounded
from larder.http.content_type import with_plain_charsets
from larder.http.recent_writes import recent_writes
from larder.ops import metrics, requests, scheduling, stop_signals

framework = get_wsgi_application()

# A connection is given back when its request ends. To look when one begins as well, whether there
# is one, and to empty a list of statements that only DEBUG fills, costs each request 7 µs; at its
# end to forget which table of paths it used, as the next one says anew, and to close caches that
# have nothing to close, another 7.
request_started.disconnect(close_old_connections)
if not settings.DEBUG:
    request_started.disconnect(reset_queries)
request_finished.disconnect(reset_urlconf)
if type(caches[DEFAULT_CACHE_ALIAS]).close is BaseCache.close:
    request_finished.disconnect(close_caches)

application = with_plain_charsets(framework)
# A trace begins in Django's middleware.
if settings.FAST_PATH and not settings.OTEL_EXPORTER_OTLP_ENDPOINT:
    # These touch models, which are there once Django is set up.
    from larder.fastpath import orders, response_cache

    application = orders.OrdersInFront(application, requests.answered_before("POST", orders.PATH))
    application = response_cache.KeptAnswers(
        application, requests.answered_before("GET", response_cache.PATH)
    )

if unsafe := [
    message
    for message in run_checks(include_deployment_checks=True, databases=["default"])
    if message.is_serious() and not message.is_silenced()
]:
    raise SystemCheckError("\n".join(["Larder does not start like this:", *map(str, unsafe)]))

metrics.start()
# A folder that cannot be written to is told of now, and not with the first order.
recent_writes()
bounded.limit_answers()
stop_signals.wake_main_thread()
if settings.PIN_WORKERS:
    scheduling.pin_to_core(settings.SHARED_DIR, settings.WORKERS)
if settings.BATCH_SCHEDULING:
    scheduling.use_batch_policy()

# What is loaded by now is never garbage. Left to the collector, it is looked through again and
# again: a fifth of what a list page costs, a tenth of an order.
get_resolver().url_patterns  # noqa: B018 - loads every view
gc.collect()
gc.freeze()
