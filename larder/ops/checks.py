"""Checks settings for production: a server does not start with those that are not safe.

docs/deploy/index.md#checklist names every id. A check with `deploy=True` is for a server
that starts, not for tools.
"""

import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import OperationalError, ProgrammingError

from larder.db import database
from larder.identity import queries
from larder.identity.services.attempts import parsed
from larder.notifications import rendering
from larder.notifications.mail_texts import ORDER, TOKEN
from larder.ops import roles
from larder.ops.demo.shop import USERS
from larder.ops.environment import PORTS
from larder.ops.serve import POOL_SIZE, listens_everywhere

CONNECTIONS_FOR_OTHERS = 10
"""Connections that stay free for the worker, migrations, psql and monitoring."""

FEWEST_CHARACTERS = 8
"""Different characters: 50 times the same letter is not a secret."""
SECRETS = (
    ("SECRET_KEY", 50, "larder.E009"),
    ("SECRET_KEY_FALLBACKS", 50, "larder.E009"),
    ("METRICS_TOKEN", 20, "larder.E010"),
    ("STRIPE_WEBHOOK_SECRETS", 24, "larder.E030"),
    ("SIGNED_PAYMENT_SECRETS", 24, "larder.E030"),
)
"""Settings with one or several secrets, and how many characters each needs."""
ORIGINS = (
    ("CORS_ALLOWED_ORIGINS", "CORS_ORIGINS", "larder.E011"),
    ("PUBLIC_URL", "PUBLIC_URL", "larder.E014"),
)
"""Settings with origins, and their names in the environment."""

WIDEST = {4: 8, 6: 7}
"""The shortest prefixes that a single organization can have: 10.0.0.0/8 and fc00::/7."""

ONE_LABEL = re.compile(r"[a-z][a-z0-9_-]*")
"""A name without a dot, such as a service of a compose network. Public names have two labels."""


@register(Tags.security, deploy=True)
def safe_settings(**options: Any) -> list[CheckMessage]:
    """Returns a message for each unsafe setting. `demo_is_not_public` has those of a demo."""
    if settings.DEMO:
        return [*_proxies()]
    return [*_switches(), *_secrets(), *_origins(), *_proxies(), *_mails()]


def _switches() -> Iterator[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS or not settings.ALLOWED_HOSTS:
        hint = "Name the hosts this shop answers to, separated by commas."
        yield Error("ALLOWED_HOSTS is open or empty.", hint=hint, id="larder.E003")
    if not settings.REGISTRATION:
        hint = "Choose open, approval or closed."
        yield Error("REGISTRATION is not set.", hint=hint, id="larder.E004")
    if settings.RATE_LIMITS == "wide":
        hint = "RATE_LIMITS=normal, unless a proxy limits log-ins."
        yield checks.Warning("Passwords may be guessed quickly.", hint=hint, id="larder.W003")
    if not roles.separate():
        hint = (
            "Name the owner in OWNER_DATABASE_URL and another role in DATABASE_URL; then prepare."
        )
        yield checks.Warning("The server owns the tables it serves.", hint=hint, id="larder.W002")


def _secrets() -> Iterator[CheckMessage]:
    """Secrets that are not set, or that can be guessed."""
    if settings.SECRET_KEY == settings.INSECURE_SECRET_KEY:
        hint = "Give it 50 random characters, from `openssl rand -base64 48`."
        yield Error("SECRET_KEY is not set.", hint=hint, id="larder.E001")
    for name, shortest, id in SECRETS:
        secrets = [(len(secret), len(set(secret))) for secret in _texts(name)]
        if any(length < shortest or few < FEWEST_CHARACTERS for length, few in secrets):
            hint = f"Give it {shortest} random characters or more."
            yield Error(f"A secret of {name} can be guessed.", hint=hint, id=id)


def _texts(name: str) -> list[str]:
    """Returns the texts of a setting that has one, several or none."""
    value = getattr(settings, name)
    return [value] if isinstance(value, str) and value else [*value]


def _origins() -> Iterator[CheckMessage]:
    for setting, name, id in ORIGINS:
        if unsafe := [text for text in _texts(setting) if not _is_origin(text)]:
            hint = "Name each origin: https://shop.example.com, without a path and without a star."
            yield Error(f"{name} has no single origin: {', '.join(unsafe)}.", hint=hint, id=id)


def _proxies() -> Iterator[CheckMessage]:
    if unsafe := [text for text in settings.TRUSTED_PROXIES if not _is_narrow_network(text)]:
        hint = "Name the addresses or networks of your proxies, such as 10.0.3.0/24, and no others."
        message = f"TRUSTED_PROXIES lets clients choose their address: {', '.join(unsafe)}."
        yield Error(message, hint=hint, id="larder.E013")


def _is_origin(text: str) -> bool:
    """Returns whether this is a scheme and a host only; without TLS, only for this machine."""
    try:
        url = urlsplit(text)
        host, _ = url.hostname or "", url.port
    except ValueError:
        return False
    safe = url.scheme == "https" or host in {"localhost", "127.0.0.1", "::1"}
    rest = url.path or url.query or url.fragment or url.username or url.password
    return safe and bool(host) and "*" not in host and not rest


def _mails() -> Iterator[CheckMessage]:
    if not settings.EMAIL_URL:
        hint = "Give EMAIL_URL, or see that staff set forgotten passwords."
        yield checks.Warning("Passwords cannot be reset.", hint=hint, id="larder.W004")
        return
    if urlsplit(settings.EMAIL_URL).scheme not in PORTS:
        message = "EMAIL_URL is no mail server: tokens that set passwords would be printed or lost."
        hint = "Give smtp+tls://name:password@host:587, or leave EMAIL_URL empty."
        yield Error(message, hint=hint, id="larder.E019")
    if "@" not in settings.DEFAULT_FROM_EMAIL:
        hint = "Name the address that mails come from: Shop <shop@example.com>."
        yield Error("DEFAULT_FROM_EMAIL is not set.", hint=hint, id="larder.E017")
    for name, part in (("PASSWORD_RESET_URL", TOKEN), ("APP_ORDER_URL", ORDER)):
        link = getattr(settings, name)
        if link and (part not in link or ":" not in link):
            hint = f"Give an address of your app, with {part} in it: https://…/#{part}."
            yield Error(f"{name} leads nowhere.", hint=hint, id="larder.E018")
    for fault in rendering.faults(settings.MAIL_TEMPLATES_DIR):
        hint = "Mend the file, or remove it: then Larder's own template is used."
        yield Error(f"MAIL_TEMPLATES_DIR: {fault}.", hint=hint, id="larder.E031")


def _is_narrow_network(text: str) -> bool:
    """Returns whether this is a network, and one that a single organization can have."""
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        return False
    return network.prefixlen >= WIDEST[network.version]


@register(Tags.security, deploy=True)
def demo_is_not_public(**options: Any) -> list[CheckMessage]:
    """Names each setting with which a demo, whose users have known passwords, could be reached from
    outside."""
    return list(_public()) if settings.DEMO else []


def _public() -> Iterator[CheckMessage]:
    if settings.PUBLIC_URL.strip().lower().startswith("https:"):
        message = f"DEMO is on, and PUBLIC_URL is an https address: {settings.PUBLIC_URL}."
        yield Error(message, hint="Unset PUBLIC_URL, or DEMO in production.", id="larder.E020")
    if public := [host for host in settings.ALLOWED_HOSTS if not _is_local(host)]:
        message = (
            f"DEMO is on, and ALLOWED_HOSTS has hosts that are not local: {', '.join(public)}."
        )
        hint = "Name loopback and private addresses, names in .local or without a dot; no star."
        yield Error(message, hint=hint, id="larder.E021")
    if listens_everywhere(settings.HOST) and not settings.DEMO_ON_LAN:
        message = f"DEMO is on, and HOST is every network interface: {settings.HOST}."
        hint = "HOST=127.0.0.1, or DEMO_ON_LAN=1 in a network that you trust."
        yield Error(message, hint=hint, id="larder.E023")


def _is_local(host: str) -> bool:
    """Returns whether an entry of ALLOWED_HOSTS cannot be a name or an address in the Internet."""
    host = host.strip().lower()
    if ONE_LABEL.fullmatch(host) or host.endswith((".local", ".localhost")):
        return True
    address = parsed(host)
    return address is not None and address.is_private


@register(Tags.database)
def safe_database(**options: Any) -> list[CheckMessage]:
    """Returns a message for each unsafe state of the database; none if it does not answer, because
    a process that is started again during an outage must start, and answer 503."""
    try:
        return [*_demo_users(), *_connections()] if options.get("databases") else []
    except (OperationalError, ProgrammingError):
        return []


def _demo_users() -> Iterator[CheckMessage]:
    """Demo users outside of demo mode: their passwords are known."""
    users = {} if settings.DEMO else USERS
    names = [name for name, password in users.items() if queries.has_password(name, password)]
    if names:
        hint = f"Delete them, or change their passwords: {', '.join(names)}."
        yield Error("Demo users are in the database.", hint=hint, id="larder.E005")


def _connections() -> Iterator[CheckMessage]:
    """Pools of all processes that do not fit into what the server, the database and the role
    allow."""
    if settings.PGBOUNCER:
        return
    # A command has no pool. It checks the pools of the server (larder/config/asgi.py).
    pool = settings.DB_POOL_SIZE or POOL_SIZE
    needed = settings.WORKERS * pool + CONNECTIONS_FOR_OTHERS
    ((limit,),) = database.rows(_MOST_CONNECTIONS)
    if needed > limit:
        hint = (
            f"WORKERS × DB_POOL_SIZE + {CONNECTIONS_FOR_OTHERS} = {needed}; the database allows"
            f" {limit} (max_connections, datconnlimit, rolconnlimit)."
        )
        yield Error("More connections than PostgreSQL gives.", hint=hint, id="larder.E006")


# LEAST ignores null: -1 is no limit.
_MOST_CONNECTIONS = """
SELECT LEAST(
    current_setting('max_connections')::int,
    (SELECT NULLIF(datconnlimit, -1) FROM pg_database WHERE datname = current_database()),
    (SELECT NULLIF(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user))
"""
