"""Larder's settings: one file, every value from the environment (`.env.example` lists them).

Every secret can also be given as `NAME_FILE`, the path of a file that holds it. The module
imports in an empty environment, so that tools (makemigrations, mypy) need none; a *server*
refuses to start with the defaults that would be unsafe (larder/ops/checks.py).
"""

import os
from pathlib import Path
from typing import Any
from warnings import filterwarnings

from corsheaders.defaults import default_headers
from django.conf.locale import LANG_INFO
from django.templatetags.static import static
from django.urls import reverse
from psycopg.conninfo import conninfo_to_dict

from larder.core import limits
from larder.db.postgresql.connection import REPLICA_POOL, TCP_OPTIONS, BoundedConnection
from larder.notifications import mail_texts
from larder.ops import serve
from larder.ops.environment import Environment, mail_settings, picture_storage, push_accounts
from larder.ops.telemetry.logs import logging_settings

BASE_DIR = Path(__file__).resolve().parent.parent
# Where docs/ and clients/ are: beside the package, but inside an installed one.
SHARED_DIR = BASE_DIR if (BASE_DIR / "docs").is_dir() else BASE_DIR.parent
env = Environment()

# --- What this installation is -------------------------------------------------------------
INSECURE_SECRET_KEY = "insecure-key-for-tools-only"
DEMO = env.bool("DEMO", default=False)
DEMO_ON_LAN = env.bool("DEMO_ON_LAN", default=False)
DEBUG = False
SECRET_KEY = env.str("SECRET_KEY", default="") or INSECURE_SECRET_KEY
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=serve.demo_hosts(on_lan=DEMO_ON_LAN) if DEMO else []
)
PUBLIC_URL = env.str("PUBLIC_URL", default="").rstrip("/")
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
CORS_ALLOWED_ORIGINS = env.list("CORS_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/(api|auth|token|products|orders)/"
CORS_ALLOW_HEADERS = [
    *default_headers,
    "correlation-id",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "larder-position",
    "last-event-id",
]
CORS_EXPOSE_HEADERS = [
    *("Correlation-ID", "ETag", "Location", "Retry-After", "WWW-Authenticate"),
    *("Idempotency-Replayed", "Larder-Position", "RateLimit", "RateLimit-Policy"),
]
# The earlier contracts that are answered too (larder/compat).
COMPAT = env.choices("COMPAT", "0,1,2,3,4" if DEMO else "", *"01234")
REGISTRATION = env.choice("REGISTRATION", "open" if DEMO else "", "open", "approval", "closed")
# normal or wide: rate limits of log-ins (larder/identity/services/attempts.py), and quotas.
RATE_LIMITS = env.choice("RATE_LIMITS", "wide" if DEMO else "normal", "normal", "wide")
# How many orders a customer may place in a time: 120/hour, or off.
QUOTA_ORDERS = env.rate("QUOTA_ORDERS", "1000000/hour" if RATE_LIMITS == "wide" else "120/hour")
# How many units a customer may order in a day without paying; 0 for any number
# (larder/orders/services/locks.py: submit_unpaid).
QUOTA_UNPAID_UNITS = env.between(
    "QUOTA_UNPAID_UNITS", 0 if RATE_LIMITS == "wide" else 20_000, 0, 10**9
)
# Orders that await their payment (larder/http/shop.py): whether all of customers' own do, and the
# number of seconds until one expires.
ORDERS_NEED_PAYMENT = env.bool("ORDERS_NEED_PAYMENT", default=False)
HOLD_SECONDS = env.between("HOLD_SECONDS", 900, 1, limits.MAX_HOLD_SECONDS)
# All members of staff need a second factor (larder/identity/factors.py).
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", default=False)
CURRENCY = env.str("CURRENCY", default="GBP")
MIN_ORDER_TOTAL = env.amount("MIN_ORDER_TOTAL", "0")
# Whether an authorisation confirms an order that awaits its payment, as a capture does.
AUTHORISATION_CONFIRMS = env.bool("AUTHORISATION_CONFIRMS", default=False)
STRIPE_WEBHOOK_SECRETS = env.list("STRIPE_WEBHOOK_SECRETS", default=[])
SIGNED_PAYMENT_SECRETS = env.list("SIGNED_PAYMENT_SECRETS", default=[])

# --- Processes -----------------------------------------------------------------------------
# Where `python -m larder.ops.serve` listens. Here for the checks of demo mode.
HOST = os.environ.get("HOST", "")
WORKERS = env.int("WORKERS", default=serve.WORKERS)
THREADS = env.int("THREADS", default=serve.THREADS)
# CPU scheduling of the processes (larder/ops/serving/scheduling.py).
PIN_WORKERS = env.bool("PIN_WORKERS", default=True)
# INFO has a line for every request: too many for the terminal of a demo.
LOG_LEVEL = env.choice(
    "LOG_LEVEL", "WARNING" if DEMO else "INFO", "DEBUG", "INFO", "WARNING", "ERROR"
)
SENTRY_DSN = env.str("SENTRY_DSN", default="")
# OpenTelemetry reads this variable and its others directly.
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# --- Database ------------------------------------------------------------------------------
PGBOUNCER = env.bool("PGBOUNCER", default=False)
DB_POOL_SIZE = env.int("DB_POOL_SIZE", default=0)
DB_CONNECT_TIMEOUT = 2
# Options of every connection, unless its URL has others.
DB_CONNECTING = {
    "connect_timeout": DB_CONNECT_TIMEOUT,
    "application_name": "larder",
    **TCP_OPTIONS,
}
# Maximum seconds between attempts to reconnect. With psycopg_pool's default of 300 s a pool stays
# empty for minutes after an outage.
DB_RECONNECT_TIMEOUT = 3


def database(
    url: str, *, pool_size: int = 0, target: str = "read-write", **pool: Any
) -> dict[str, Any]:
    """Django's settings for a PostgreSQL connection string in any form libpq understands.

    `pool` are further options of its pool. With the default `target` libpq refuses a server that
    accepts no writes (a standby, a former primary), and tries the next host of several.
    """
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    # Values are sent beside the statement, never in its text, which PostgreSQL may log.
    options: dict[str, Any] = {
        **DB_CONNECTING,
        "target_session_attrs": target,
        "server_side_binding": True,
    }
    if not PGBOUNCER:
        options["prepare_threshold"] = 2
    if pool_size:
        options["pool"] = {
            "min_size": 1,
            "max_size": pool_size,
            "timeout": DB_CONNECT_TIMEOUT,
            "reconnect_timeout": DB_RECONNECT_TIMEOUT,
            "reconnect_failed": lambda pool: pool.check(),
            **pool,
        }
    settings = {
        "ENGINE": "larder.db.postgresql",
        "NAME": parts.pop("dbname", "larder"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "CONN_MAX_AGE": 0,
        "DISABLE_SERVER_SIDE_CURSORS": PGBOUNCER,
    }
    return settings | {"OPTIONS": options | parts}


DATABASE_URL = env.str("DATABASE_URL", default="postgresql:///larder")
OWNER_DATABASE_URL = env.str("OWNER_DATABASE_URL", default="") or DATABASE_URL
# The password of the read-only role (larder_readonly), set by `manage.py prepare`. Without it the
# role cannot log in.
READONLY_PASSWORD = env.str("READONLY_PASSWORD", default="")
# The worker keeps a lock of its session, which PgBouncer's transaction mode does not support.
WORKER_DATABASE_URL = env.str("WORKER_DATABASE_URL", default="") or DATABASE_URL
# "default" connects as the application's role. "owner" is only for migrations.
DATABASES = {
    "default": database(DATABASE_URL, pool_size=DB_POOL_SIZE, connection_class=BoundedConnection),
    "owner": database(OWNER_DATABASE_URL),
}
# Replicas of "default", each a separate server. larder/db/replicas.py reads from them.
REPLICA_URLS = env.list("REPLICA_URLS", default=[])
DATABASES |= {
    f"replica{number}": database(url, pool_size=DB_POOL_SIZE, target="any", **REPLICA_POOL)
    for number, url in enumerate(REPLICA_URLS, 1)
}
DATABASE_ROUTERS = ["larder.db.database.Router"] if REPLICA_URLS else []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Parts ---------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "larder.staff.apps.ShopAdminConfig",
    # Before Django's app, so that this createsuperuser is used.
    "larder.identity",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "larder.db",
    "larder.notifications",
    "larder.catalog",
    "larder.inventory",
    "larder.orders",
    "larder.relay",
    "larder.http",
    "larder.compat",
    "larder.ops",
    "larder.staff",
]

MIDDLEWARE = [
    "larder.http.answered_requests.observe",
    *(["larder.ops.telemetry.tracing.observe"] if OTEL_EXPORTER_OTLP_ENDPOINT else []),
    "larder.http.api_headers.add_headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Around all that refuses a request before a view.
    "larder.http.headers.protect",
    "larder.http.compression.Compression",
    "corsheaders.middleware.CorsMiddleware",
    "larder.http.middleware.Common",
    "larder.http.middleware.ForBrowsers",
]
# `manage.py test` runs pytest.
TEST_RUNNER = "tests.runner.PytestRunner"
ROOT_URLCONF = "larder.config.urls"
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = limits.MAX_BODY_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = limits.MAX_FORM_FIELDS
# No file is stored on a disk. Only staff send any, and their forms limit the size further.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = limits.MAX_DISCARDED_BYTES

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Templates of the theme that the admin has in another form.
        "DIRS": [BASE_DIR / "staff/theme"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "/static/"
# Files of the theme that the admin has in another form: fonts without unused characters and icons
# (`make fonts`), and no charts.
STATICFILES_DIRS = [*BASE_DIR.glob("staff/theme_static")]
STATIC_ROOT = Path(env.str("STATIC_ROOT", default="") or BASE_DIR / "collected_static")
# Uploaded pictures of products: a folder, or a bucket of S3; without both, none can be uploaded.
PICTURES_DIR = env.str("PICTURES_DIR", default="")
PICTURES_BUCKET = env.str("PICTURES_BUCKET", default="")
PICTURES_URL = env.str("PICTURES_URL", default="").rstrip("/")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "larder.http.static_files.Storage"},
    "pictures": picture_storage(folder=PICTURES_DIR, bucket=PICTURES_BUCKET, address=PICTURES_URL),
}
# In demo mode static files need not be collected: that the folder is missing is no news.
filterwarnings("ignore", "No directory at", UserWarning)
WHITENOISE_USE_FINDERS = DEMO and not (STATIC_ROOT / "staticfiles.json").is_file()
# `collectstatic` stores each file once, with its hashed name.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

# --- Admin ---------------------------------------------------------------------------------
# A session of the admin ends after so long without use (larder/http/admin_session.py).
ADMIN_IDLE_MINUTES = env.between("ADMIN_IDLE_MINUTES", 60, 1, 1440)
# The theme: names, files, links and colours.
UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Larder",
    "SITE_HEADER": "Larder",
    "SITE_ICON": lambda _: static("api/larder.svg"),
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda _: static("api/larder.svg"),
        }
    ],
    "STYLES": [lambda _: static("staff/admin.css")],
    "SCRIPTS": [
        lambda _: reverse("texts"),
        lambda _: static("staff/admin.js"),
        lambda _: static("staff/pages.js"),
    ],
    "DASHBOARD_CALLBACK": "larder.staff.dashboard.dashboard",
    "SIDEBAR": {"navigation": "larder.staff.menu.navigation", "show_search": True},
    "ACCOUNT": {"navigation": "larder.staff.site.account_links"},
    "SHOW_LANGUAGES": True,
    "COLORS": {
        # Tailwind's emerald.
        "primary": {
            "50": "oklch(97.9% .021 166.113)",
            "100": "oklch(95% .052 163.051)",
            "200": "oklch(90.5% .093 164.15)",
            "300": "oklch(84.5% .143 164.978)",
            "400": "oklch(76.5% .177 163.223)",
            "500": "oklch(69.6% .17 162.48)",
            "600": "oklch(50.8% .118 165.612)",
            "700": "oklch(43.2% .095 166.913)",
            "800": "oklch(37.8% .077 168.94)",
            "900": "oklch(26.2% .051 172.552)",
            "950": "oklch(20% .04 172.552)",
        },
    },
}

# --- People --------------------------------------------------------------------------------
AUTH_USER_MODEL = "identity.Customer"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
# The username is unique, ignoring case, by an index on lower(username).
# ForBrowsers contains sessions, CSRF protection and messages. larder/http/headers.py sets
# X-Frame-Options.
SILENCED_SYSTEM_CHECKS = [
    *("auth.E003", "auth.W004"),
    *("security.W002", "security.W003", "admin.E408", "admin.E409", "admin.E410"),
]
PASSWORD_HASHERS = ["larder.identity.hashers.BoundedArgon2PasswordHasher"]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
    {
        "NAME": f"{_VALIDATION}.MinimumLengthValidator",
        "OPTIONS": {"min_length": limits.MIN_PASSWORD_LENGTH},
    },
    {"NAME": "larder.identity.hashers.MaximumLengthValidator"},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}.NumericPasswordValidator"},
]
CSRF_FAILURE_VIEW = "larder.http.handlers.csrf_failed"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# --- Mail ----------------------------------------------------------------------------------
EMAIL_URL = env.str("EMAIL_URL", default="consolemail://" if DEMO else "")
vars().update(mail_settings(EMAIL_URL))
# Time limit in seconds for the connection, and for each answer of the mail server.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="larder@localhost" if DEMO else "")
PASSWORD_RESET_URL = env.str("PASSWORD_RESET_URL", default="")
# Which mails about orders are sent (larder/worker/order_mails.py), and to whom the shop's own.
_KINDS = mail_texts.ORDER_MAILS
ORDER_MAILS = env.choices("ORDER_MAILS", ",".join(_KINDS) if DEMO else "", *_KINDS)
SHOP_MAIL = env.str("SHOP_MAIL", default=DEFAULT_FROM_EMAIL if DEMO else "")
APP_ORDER_URL = env.str(
    "APP_ORDER_URL", default=f"{PUBLIC_URL}/demo/#/orders/{{order}}" if DEMO else ""
)
MAIL_TEMPLATES_DIR = env.str("MAIL_TEMPLATES_DIR", default="")
WEBHOOK_NETWORKS = env.networks("WEBHOOK_NETWORKS")
# Accounts for messages to apps (larder/worker/push_services). Browsers need none.
PUSH_ACCOUNTS = push_accounts(env.str("PUSH_ACCOUNTS", default=""))

# --- Earlier contracts (larder/compat) -------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "EXCEPTION_HANDLER": "larder.compat.answers.handle",
    "UNAUTHENTICATED_USER": None,
}

# --- Security ------------------------------------------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
if not DEMO:
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    LANGUAGE_COOKIE_SECURE = True
    # The header is trusted only if a proxy sets it.
    if TRUSTED_PROXIES:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True

# --- Language and time ---------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
# Only the admin has others (larder/http/middleware.py).
LOCALE_PATHS = [BASE_DIR / "staff/locale", BASE_DIR / "staff/theme_texts"]
_TRANSLATED = sorted(folder.name for folder in LOCALE_PATHS[0].iterdir())
LANGUAGES = [("en-gb", "English"), *((code, LANG_INFO[code]["name_local"]) for code in _TRANSLATED)]
# That of mails: accounts have none.
MAIL_LANGUAGE = env.choice("MAIL_LANGUAGE", LANGUAGE_CODE, *_TRANSLATED)
LANGUAGE_COOKIE_NAME = "admin_language"
LANGUAGE_COOKIE_PATH = "/admin/"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_TZ = True
TIME_ZONE = "UTC"
# That of the admin's days and times.
SHOP_TIME_ZONE = env.time_zone("SHOP_TIME_ZONE", "UTC")

# --- Logs ----------------------------------------------------------------------------------
LOGGING = logging_settings(LOG_LEVEL)
