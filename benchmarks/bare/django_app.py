"""The entry point of the bare Django view, as config/asgi.py is Larder's."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.bare.settings"
os.environ.setdefault("DB_POOL_SIZE", "8")

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from benchmarks.bare import garbage_collection

application = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018 - loads the views
garbage_collection.settle()
