"""What the tests import of other projects: the fork server imports it once, for all runs.

Nothing of this project is here, for a patch may be in it, and nothing that reads Django's settings.
A module that is missing costs only time: the tests import it themselves.
"""

from __future__ import annotations

import gc
from contextlib import suppress
from importlib import import_module

MODULES = (
    *("pytest", "pytest_django.plugin", "pytest_randomly", "pytest_socket", "pytest_timeout"),
    *("_pytest.helpconfig", "_pytest.pastebin", "_pytest.skipping", "_pytest.unittest"),
    *("_hypothesis_pytestplugin", "hypothesis", "hypothesis.strategies", "schemathesis"),
    *("xdist.dsession", "xdist.looponfail", "xdist.plugin", "execnet", "platformdirs", "pdb"),
    *("django", "django.db.models", "django.test", "django.db.migrations.utils"),
    *("django.contrib.admin.decorators", "django.contrib.admin.templatetags.admin_list"),
    *("django.contrib.admin.views.main", "django.contrib.admindocs.views"),
    *("django.contrib.auth.hashers", "django.contrib.auth.password_validation"),
    *("django.contrib.postgres.fields", "django.contrib.postgres.indexes"),
    *("django.contrib.postgres.lookups", "django.contrib.postgres.search"),
    *("django.contrib.postgres.validators", "django.contrib.staticfiles.finders"),
    *("django.core.cache.backends.locmem", "django.core.mail", "django.core.paginator"),
    *("django.db.backends.postgresql.base", "django.db.models.sql.compiler"),
    *("django.template.loaders.app_directories", "django.template.loaders.cached"),
    *("django.views.decorators.http", "django.views.generic"),
    *("msgspec", "psycopg", "psycopg_pool", "jwt", "argon2", "structlog", "prometheus_client"),
    *("anyio", "anyio._backends._asyncio", "anyio.pytest_plugin", "chardet", "croniter"),
    *("cryptography.fernet", "dateutil.parser", "dateutil.rrule", "defusedxml.ElementTree"),
    *("diff_match_patch", "environ", "inflection", "lxml.etree", "openpyxl", "procrastinate"),
    *("requests", "segno", "smtplib", "tablib", "tablib.formats", "uritemplate", "urllib3"),
    *("uuid_utils", "uuid_utils.compat", "xml.dom.minidom", "yaml"),
)

for _name in MODULES:
    with suppress(ImportError):
        import_module(_name)

# The memory is shared with the runs as long as nothing writes to it.
gc.freeze()
