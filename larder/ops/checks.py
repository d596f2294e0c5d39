"""Checks settings for production: a server does not start with those that are not safe.

docs/deploy/index.md#checklist names every id. A check with `deploy=True` is for a server
that starts, not for tools.
"""

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DEFAULT_DB_ALIAS, OperationalError, ProgrammingError

from larder.db import database, replicas
from larder.identity import queries
from larder.notifications.mail_texts import TOKEN
from larder.ops import roles
from larder.ops.demo.checks import is_narrow_network
from larder.ops.demo.shop import USERS
from larder.ops.mail_settings import PORTS
from larder.ops.serve import POOL_SIZE

Found = TypeVar("Found")

CONNECTIONS_FOR_OTHERS = 10
"""Connections that stay free for the worker, migrations, psql and monitoring."""

SHORTEST_KEY = 50
FEWEST_CHARACTERS = 8
"""Different characters: 50 times the same letter is not a secret."""
SHORTEST_TOKEN = 20
SHORTEST_PAYMENT_SECRET = 24


@register(Tags.security, deploy=True)
def safe_settings(**options: Any) -> list[CheckMessage]:
    """Returns an error for each unsafe setting of production. demo/checks.py has those of a
    demo."""
    return [] if settings.DEMO else [*_switches(), *_secrets(), *_addresses()]


def _switches() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        yield Error("DEBUG is on.", hint="DEBUG=1 needs DEMO=1.", id="larder.E002")
    if "*" in settings.ALLOWED_HOSTS or not settings.ALLOWED_HOSTS:
        hint = "Name the hosts this shop answers to, separated by commas."
        yield Error("ALLOWED_HOSTS is open or empty.", hint=hint, id="larder.E003")
    if not settings.REGISTRATION:
        hint = "Choose open, approval or closed."
        yield Error("REGISTRATION is not set.", hint=hint, id="larder.E004")


def _secrets() -> Iterator[CheckMessage]:
    """Secrets that are not set, or that can be guessed."""
    hint = f"Give it {SHORTEST_KEY} random characters, from `openssl rand -base64 48`."
    if settings.SECRET_KEY == settings.INSECURE_SECRET_KEY:
        yield Error("SECRET_KEY is not set.", hint=hint, id="larder.E001")
    elif any(map(_is_weak, [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])):
        message = "SECRET_KEY, or one of SECRET_KEY_FALLBACKS, can be guessed."
        yield Error(message, hint=hint, id="larder.E009")
    if 0 < len(settings.METRICS_TOKEN) < SHORTEST_TOKEN:
        hint = f"Give it {SHORTEST_TOKEN} random characters, or none: then /metrics stays here."
        yield Error("METRICS_TOKEN can be guessed.", hint=hint, id="larder.E010")
    for name in ("STRIPE_WEBHOOK_SECRETS", "SIGNED_PAYMENT_SECRETS"):
        if any(_is_weak(secret, SHORTEST_PAYMENT_SECRET) for secret in getattr(settings, name)):
            hint = (
                f"Give it the secret that Stripe shows, or {SHORTEST_PAYMENT_SECRET} random"
                " characters or more: who guesses it can record payments."
            )
            yield Error(f"A secret of {name} can be guessed.", hint=hint, id="larder.E030")
    if not roles.separate():
        hint = (
            "Name the owner in OWNER_DATABASE_URL and another role in DATABASE_URL; then prepare."
        )
        yield checks.Warning("The server owns the tables it serves.", hint=hint, id="larder.W002")


def _is_weak(key: str, shortest: int = SHORTEST_KEY) -> bool:
    return len(key) < shortest or len(set(key)) < FEWEST_CHARACTERS


def _addresses() -> Iterator[CheckMessage]:
    """Checks of hosts, origins, proxies and rate limits."""
    if too_wide := [one for one in settings.CORS_ALLOWED_ORIGINS if not _is_origin(one)]:
        hint = "Name each origin: https://app.example.com, without a path and without a star."
        message = f"CORS_ORIGINS allows more than single origins: {', '.join(too_wide)}."
        yield Error(message, hint=hint, id="larder.E011")
    if too_wide := [one for one in settings.CSRF_TRUSTED_ORIGINS if not _is_origin(one)]:
        hint = "Name the origin the admin is reached at: https://shop.example.com."
        message = f"CSRF_TRUSTED_ORIGINS trusts more than single origins: {', '.join(too_wide)}."
        yield Error(message, hint=hint, id="larder.E012")
    if too_wide := [one for one in settings.TRUSTED_PROXIES if not is_narrow_network(one)]:
        hint = "Name the addresses or networks of your proxies, such as 10.0.3.0/24, and no others."
        message = f"TRUSTED_PROXIES lets clients choose their address: {', '.join(too_wide)}."
        yield Error(message, hint=hint, id="larder.E013")
    if settings.PUBLIC_URL and not _is_origin(settings.PUBLIC_URL):
        hint = "Write it as https://shop.example.com, without a path."
        message = "PUBLIC_URL is no https address: passwords would travel in the clear."
        yield Error(message, hint=hint, id="larder.E014")
    if not (settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE):
        hint = "Leave SESSION_COOKIE_SECURE and CSRF_COOKIE_SECURE on."
        yield Error("The admin's cookies travel in the clear.", hint=hint, id="larder.E016")
    if settings.RATE_LIMITS == "wide":
        hint = "RATE_LIMITS=normal, unless a proxy limits log-ins."
        yield checks.Warning("Passwords may be guessed quickly.", hint=hint, id="larder.W003")


def _is_origin(text: str) -> bool:
    """Returns whether this is a scheme and a host only; without TLS, only for this machine."""
    try:
        given = urlsplit(text)
        host, _ = given.hostname or "", given.port
    except ValueError:
        return False
    safe = given.scheme == "https" or host in {"localhost", "127.0.0.1", "::1"}
    rest = given.path or given.query or given.fragment or given.username or given.password
    return safe and bool(host) and "*" not in host and not rest


@register(Tags.security, deploy=True)
def mails_can_be_sent(**options: Any) -> list[CheckMessage]:
    """Returns a message for each setting that prevents mails from being sent."""
    return [] if settings.DEMO else list(_mail_faults())


def _mail_faults() -> Iterator[CheckMessage]:
    if not settings.EMAIL_URL:
        hint = "Give EMAIL_URL, or see that staff set forgotten passwords."
        yield checks.Warning("Passwords cannot be reset.", hint=hint, id="larder.W004")
        return
    if urlsplit(settings.EMAIL_URL).scheme not in PORTS:
        message = "EMAIL_URL is no mail server: tokens that set passwords would be printed or lost."
        hint = "Give smtp+tls://name:password@host:587, or leave EMAIL_URL empty."
        yield checks.Error(message, hint=hint, id="larder.E019")
    if "@" not in settings.DEFAULT_FROM_EMAIL:
        hint = "Name the address that mails come from: Shop <shop@example.com>."
        yield checks.Error("DEFAULT_FROM_EMAIL is not set.", hint=hint, id="larder.E017")
    link = settings.PASSWORD_RESET_URL
    if link and (TOKEN not in link or ":" not in link):
        hint = f"Give an address of your app, with {TOKEN} in it: https://…/reset#{TOKEN}."
        yield checks.Error("PASSWORD_RESET_URL leads nowhere.", hint=hint, id="larder.E018")


@register(Tags.files, deploy=True)
def pictures_can_be_stored(**options: Any) -> list[CheckMessage]:
    """Returns a warning for settings with which uploaded pictures are not stored or not shown."""
    folder, bucket = settings.PICTURES_DIR, settings.PICTURES_BUCKET
    if folder and bucket:
        hint = "Set PICTURES_DIR or PICTURES_BUCKET, and leave the other empty."
        message = "PICTURES_DIR is not used, because PICTURES_BUCKET is set."
        return [checks.Warning(message, hint=hint, id="larder.W006")]
    if bucket and not settings.PICTURES_URL:
        hint = "Set PICTURES_URL to the https address where clients fetch pictures of the bucket."
        message = "Pages of the admin cannot show pictures."
        return [checks.Warning(message, hint=hint, id="larder.W006")]
    if folder and not _can_be_written(Path(folder)):
        hint = "Set PICTURES_DIR to a folder that the servers and the job worker may write to."
        message = "Pictures cannot be stored in PICTURES_DIR."
        return [checks.Warning(message, hint=hint, id="larder.W007")]
    return []


def _can_be_written(folder: Path) -> bool:
    """Returns whether files can be made in the folder. The first upload makes a missing folder."""
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


@register(Tags.database)
def demo_users_stay_home(**options: Any) -> list[CheckMessage]:
    """Returns an error for demo users outside of demo mode: their passwords are known."""
    if settings.DEMO or not options.get("databases"):
        return []
    none: list[str] = []
    found = _when_reachable(_demo_users, none)
    if not found:
        return []
    hint = f"Delete them, or change their passwords: {', '.join(found)}."
    return [Error("Demo users are in the database.", hint=hint, id="larder.E005")]


def _demo_users() -> list[str]:
    return [name for name, user in USERS.items() if queries.has_password(name, user.password)]


@register(Tags.database)
def connections_fit(**options: Any) -> list[CheckMessage]:
    """Returns an error if the pools of all processes do not fit into the connections that the
    server, the database and the role allow."""
    if not options.get("databases") or settings.PGBOUNCER:
        return []
    servers = [DEFAULT_DB_ALIAS, *(one.alias for one in replicas.replicas())]
    return [message for alias in servers for message in _connections_fit(alias)]


def _connections_fit(alias: str) -> Iterator[CheckMessage]:
    with database.reading_from(alias):
        limit = _when_reachable(_allowed_connections, sys.maxsize)
    # A command has no pool. It checks the pools of the server (config/asgi.py).
    pool = settings.DB_POOL_SIZE or POOL_SIZE
    wanted = settings.WORKERS * pool + CONNECTIONS_FOR_OTHERS
    if wanted > limit:
        hint = (
            f"WORKERS × DB_POOL_SIZE + {CONNECTIONS_FOR_OTHERS} = {wanted}; "
            f"{alias} allows {limit} (max_connections, datconnlimit, rolconnlimit)."
        )
        yield Error("More connections than PostgreSQL gives.", hint=hint, id="larder.E006")


# LEAST ignores null: -1 is no limit.
_ALLOWED_CONNECTIONS = """
SELECT LEAST(
    current_setting('max_connections')::int,
    (SELECT NULLIF(datconnlimit, -1) FROM pg_database WHERE datname = current_database()),
    (SELECT NULLIF(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user))
"""


def _allowed_connections() -> int:
    ((limit,),) = database.rows(_ALLOWED_CONNECTIONS)
    return int(limit)


@register(Tags.database)
def replicas_are_standbys(**options: Any) -> list[CheckMessage]:
    """Returns a warning for an address in REPLICA_URLS that is not a standby. Larder does not read
    from it. After a fail-over it may be the address of the new primary, so this is no error."""
    found = replicas.replicas() if options.get("databases") else ()
    hint = "See that REPLICA_URLS names streaming replicas of DATABASE_URL's server."
    return [
        checks.Warning(f"{one.alias} is no standby of this database.", hint=hint, id="larder.W001")
        for one in found
        if not _when_reachable(partial(_is_standby, one.alias), otherwise=True)
    ]


_CLUSTER = "SELECT pg_is_in_recovery(), system_identifier FROM pg_control_system()"


def _is_standby(alias: str) -> bool:
    ((_, cluster),) = database.rows(_CLUSTER)
    with database.reading_from(alias):
        return database.rows(_CLUSTER) == [(True, cluster)]


_LOGS_NO_VALUES = {
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
"""Settings of PostgreSQL with which its log has statements, but no values of parameters or rows
(DETAIL, CONTEXT)."""


@register(Tags.database)
def database_logs_no_values(**options: Any) -> list[CheckMessage]:
    """Returns a warning if failed or slow statements write names, addresses and hashes to
    PostgreSQL's log."""
    nothing: dict[str, str] = {}
    shown = _when_reachable(_log_settings, nothing) if options.get("databases") else nothing
    wrong = [name for name, value in shown.items() if value != _LOGS_NO_VALUES[name]]
    if not wrong:
        return []
    hint = f"Set {', '.join(f'{name} = {_LOGS_NO_VALUES[name]}' for name in wrong)}."
    return [checks.Warning("PostgreSQL may log personal data.", hint=hint, id="larder.W005")]


def _log_settings() -> dict[str, str]:
    statement = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s::text[]) ORDER BY name"
    return dict(database.rows(statement, [list(_LOGS_NO_VALUES)]))


def _when_reachable(look: Callable[[], Found], otherwise: Found) -> Found:
    """Returns what `look` returns; `otherwise` if the database does not answer, because a process
    that is started again during an outage must start, and answer 503."""
    try:
        return look()
    except (OperationalError, ProgrammingError):
        return otherwise
