"""What is unsafe in settings: secrets that can be guessed, addresses that let everybody in.

larder/ops/checks.py says when it is looked at; docs/deployment-checklist.md names every id.
"""

from collections.abc import Iterator
from ipaddress import ip_network
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

from larder.ops import roles

SHORTEST_KEY = 50
FEWEST_CHARACTERS = 8
"""Different ones: 50 times the same letter is no secret."""
SHORTEST_TOKEN = 20
WIDEST = {4: 8, 6: 7}
"""The shortest prefixes that are anybody's own: 10.0.0.0/8 and fc00::/7."""


def secrets() -> Iterator[CheckMessage]:
    """Secrets that are not set, or that can be guessed."""
    hint = f"Give it {SHORTEST_KEY} random characters, from `openssl rand -base64 48`."
    if settings.SECRET_KEY == settings.INSECURE_SECRET_KEY:
        yield Error("SECRET_KEY is not set.", hint=hint, id="larder.E001")
    elif any(_is_weak(one) for one in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)):
        said = "SECRET_KEY, or one of SECRET_KEY_FALLBACKS, can be guessed."
        yield Error(said, hint=hint, id="larder.E009")
    if 0 < len(settings.METRICS_TOKEN) < SHORTEST_TOKEN:
        hint = f"Give it {SHORTEST_TOKEN} random characters, or none: then /metrics stays here."
        yield Error("METRICS_TOKEN can be guessed.", hint=hint, id="larder.E010")
    if not roles.separate():
        hint = (
            "Name the owner in OWNER_DATABASE_URL and another role in DATABASE_URL; then prepare."
        )
        yield checks.Warning("The server owns the tables it serves.", hint=hint, id="larder.W002")


def _is_weak(key: str) -> bool:
    return len(key) < SHORTEST_KEY or len(set(key)) < FEWEST_CHARACTERS


def addresses() -> Iterator[CheckMessage]:
    """Who may come in, and from where it is believed."""
    if everybody := [one for one in settings.CORS_ALLOWED_ORIGINS if not _is_origin(one)]:
        hint = "Name each origin: https://app.example.com, without a path and without a star."
        said = f"CORS_ORIGINS lets in more than pages of one's own: {', '.join(everybody)}."
        yield Error(said, hint=hint, id="larder.E011")
    if open_doors := [one for one in settings.CSRF_TRUSTED_ORIGINS if not _is_origin(one)]:
        hint = "Name the origin the admin is reached at: https://shop.example.com."
        said = f"CSRF_TRUSTED_ORIGINS trusts more than pages of one's own: {', '.join(open_doors)}."
        yield Error(said, hint=hint, id="larder.E012")
    if anybody := [one for one in settings.TRUSTED_PROXIES if not _is_of_ones_own(one)]:
        hint = "Name the addresses or networks of your proxies, such as 10.0.3.0/24, and no others."
        said = f"TRUSTED_PROXIES lets clients choose their address: {', '.join(anybody)}."
        yield Error(said, hint=hint, id="larder.E013")
    if settings.PUBLIC_URL and not _is_origin(settings.PUBLIC_URL):
        hint = "Write it as https://shop.example.com, without a path."
        said = "PUBLIC_URL is no https address: passwords would travel in the clear."
        yield Error(said, hint=hint, id="larder.E014")
    if not (settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE):
        hint = "Leave SESSION_COOKIE_SECURE and CSRF_COOKIE_SECURE on."
        yield Error("The admin's cookies travel in the clear.", hint=hint, id="larder.E016")
    if settings.RATE_LIMITS not in {"normal", "wide"}:
        hint = "Choose normal, or wide for load tests."
        yield Error("RATE_LIMITS is neither normal nor wide.", hint=hint, id="larder.E015")
    if settings.RATE_LIMITS == "wide":
        hint = "RATE_LIMITS=normal, unless something in front counts log-ins."
        yield checks.Warning("Passwords may be guessed quickly.", hint=hint, id="larder.W003")


def _is_origin(text: str) -> bool:
    """Scheme and host alone, by TLS or from this machine itself, where a page is written."""
    try:
        given = urlsplit(text)
        host, _ = given.hostname or "", given.port
    except ValueError:
        return False
    safe = given.scheme == "https" or host in {"localhost", "127.0.0.1", "::1"}
    rest = given.path or given.query or given.fragment or given.username or given.password
    return safe and bool(host) and "*" not in host and not rest


def _is_of_ones_own(text: str) -> bool:
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        return False
    return network.prefixlen >= WIDEST[network.version]
