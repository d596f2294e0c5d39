"""A bare Django view without authentication and middleware: the product list's bytes.

BENCH_REPLY names the file that has them. On Larder's settings, without its parts and paths.
"""

import gc
import os
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import get_resolver, path

REPLY = Path(os.environ["BENCH_REPLY"]).read_bytes()
settings.MIDDLEWARE = []
settings.INSTALLED_APPS = []
settings.ROOT_URLCONF = __name__


def ready(request: HttpRequest) -> HttpResponse:
    """Answer with the bytes."""
    # There is no middleware that adds the length; without it the answer is sent in chunks.
    return HttpResponse(REPLY, "application/json", headers={"Content-Length": str(len(REPLY))})


urlpatterns = [path("bytes", ready)]
application = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018 - loads the view
# What is loaded by now is excluded from garbage collection, as config/asgi.py does it.
gc.collect()
gc.freeze()
