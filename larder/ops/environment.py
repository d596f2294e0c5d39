"""Reads settings from the environment, or from files that it names (`NAME_FILE`)."""

import builtins
import json
import os
from collections.abc import Callable
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured
from environ import FileAwareEnv
from environ.fileaware_mapping import FileAwareMapping

from larder.core.pictures import CACHE_CONTROL, CONTENT_TYPE

MAX_QUOTA = 1_000_000
"""Units of a quota that a shop can set. Its bucket is exact to a millisecond."""

Value = TypeVar("Value")

Network = IPv4Network | IPv6Network


class _Values(FileAwareMapping):  # type: ignore[misc]
    """Removes the newline at the end of a file, which editors and `echo` write. It is not part of
    the value: no token and no name of a database ends with it."""

    def __getitem__(self, key: str) -> str:
        return str(super().__getitem__(key)).rstrip("\r\n")


class Environment(FileAwareEnv):  # type: ignore[misc]
    """django-environ's class, with values without the newline at their end."""

    ENVIRON = _Values()

    def list(self, name: str, default: Any) -> builtins.list[str]:
        """Returns the texts between commas, without spaces around them. Drops empty ones: after
        `one, ` a space would be a secret too."""
        return [text.strip() for text in super().list(name, default=default) if text.strip()]

    def choice(self, name: str, default: str, *allowed: str) -> builtins.str:
        """Returns one of the allowed texts, or the default. Raises ImproperlyConfigured."""
        texts = {text: text for text in (*allowed, default)}
        return self._parsed(name, default, texts.__getitem__, " or ".join(filter(None, texts)))

    def choices(self, name: str, default: str, *allowed: str) -> frozenset[builtins.str]:
        """Returns texts between commas, each of the allowed ones. Raises ImproperlyConfigured."""
        chosen = frozenset(self.list(name, default.split(",") if default else []))
        if unknown := chosen - {*allowed}:
            wrong, known = ", ".join(sorted(unknown)), ", ".join(allowed)
            raise ImproperlyConfigured(f"{name} has {wrong}: expected some of {known}.")
        return chosen

    def between(self, name: str, default: int, least: int, most: int) -> builtins.int:
        """Returns a whole number. Raises ImproperlyConfigured."""
        numbers = range(least, most + 1)
        expected = f"a whole number from {least} to {most}"
        return self._parsed(
            name, str(default), lambda text: numbers[numbers.index(int(text))], expected
        )

    def amount(self, name: str, default: str) -> Decimal:
        """Returns an amount of money. Raises ImproperlyConfigured."""
        return self._parsed(name, default, _amount, "an amount such as 12.50")

    def rate(self, name: str, default: str) -> tuple[builtins.int, builtins.int] | None:
        """Returns how many times in how many seconds: `120/hour`; None for `off`. Raises
        ImproperlyConfigured."""
        expected = (
            f"a rate such as 120/hour, with one of {', '.join(SECONDS)}, at most {MAX_QUOTA:,} and"
            " 1,000 in a second; or off"
        )
        return self._parsed(name, default, _rate, expected)

    def time_zone(self, name: str, default: str) -> builtins.str:
        """Returns the name of a time zone. Raises ImproperlyConfigured."""
        expected = "UTC, or a name such as Europe/Berlin"
        return self._parsed(name, default, lambda text: ZoneInfo(text).key, expected)

    def networks(self, name: str) -> builtins.list[Network]:
        """Returns networks between commas. Raises ImproperlyConfigured."""
        expected = "networks such as 10.1.0.0/16 or fd12::/48, separated by commas"
        return self._parsed(name, "", _networks, expected)

    def _parsed(
        self, name: str, default: str, parse: Callable[[str], Value], expected: str
    ) -> Value:
        text = self.str(name, default="") or default
        try:
            return parse(text)
        except (ValueError, ArithmeticError, LookupError, OSError):
            raise ImproperlyConfigured(f"{name} is {text!r}: expected {expected}.") from None


def _amount(text: str) -> Decimal:
    amount = Decimal(text)
    if not 0 <= amount < Decimal("Infinity"):
        raise ValueError(text)
    return amount


def _networks(text: str) -> list[Network]:
    return [ip_network(part.strip()) for part in text.split(",") if part.strip()]


SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


def _rate(text: str) -> tuple[int, int] | None:
    if text == "off":
        return None
    times, _, unit = text.partition("/")
    number, seconds = int(times), SECONDS[unit]
    if not 1 <= number <= min(MAX_QUOTA, 1000 * seconds):
        raise ValueError(text)
    return number, seconds


PORTS = {"smtp": 25, "smtps": 587, "smtp+tls": 587, "smtp+ssl": 465}


def mail_settings(url: str) -> dict[str, Any]:
    """Returns Django's EMAIL_… settings. Without a mail server, mails are discarded.

    >>> mail_settings("smtp+tls://ada:secret@mail.example.com")["EMAIL_PORT"]
    587

    Raises ImproperlyConfigured, which does not repeat the password.
    """
    try:
        mail = dict(FileAwareEnv.email_url_config(url or "dummymail://"))
    except (ImproperlyConfigured, ValueError):
        mail = {}
    scheme = url.partition(":")[0]
    if not mail or (scheme in PORTS and not mail["EMAIL_HOST"]):
        raise ImproperlyConfigured(
            "EMAIL_URL is not the address of a mail server. Give smtp+tls://name:password@host:587"
            " (STARTTLS), smtp+ssl://…:465, smtp://host:25 without encryption, or"
            " consolemail:// to print the mails of a demo. In the name and the password write"
            " @ as %40, : as %3A and / as %2F."
        )
    return mail | {"EMAIL_PORT": mail["EMAIL_PORT"] or PORTS.get(scheme)}


PUSH_ACCOUNTS = {
    "fcm": {"project_id", "client_email", "private_key", "token_uri"},
    "apns": {"team_id", "key_id", "private_key", "topic"},
}
"""The members of the account of each push service."""


def push_accounts(text: str) -> dict[str, dict[str, str]]:
    """Returns the accounts of push services, by service. Raises ImproperlyConfigured, which does
    not repeat the keys."""
    try:
        accounts = dict(json.loads(text or "{}"))
        if all(PUSH_ACCOUNTS[name] <= accounts[name].keys() for name in accounts):
            return accounts
    except (ValueError, TypeError, LookupError, AttributeError):
        pass
    raise ImproperlyConfigured(
        'PUSH_ACCOUNTS is not {"fcm": …, "apns": …} with the members of each (.env.example).'
    )


PATH = "/pictures/"
"""Where the shop serves pictures that are stored in a folder."""


def picture_storage(*, folder: str, bucket: str, address: str) -> dict[str, Any]:
    """Returns the entry of Django's STORAGES: a bucket of S3, or else a folder. Raises
    ImproperlyConfigured.

    >>> picture_storage(folder="/srv/pictures", bucket="", address="")["OPTIONS"]["base_url"]
    '/pictures/'
    """
    if bucket:
        return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": _s3(bucket, address)}
    options = {"location": folder, "base_url": f"{address}/" if address else PATH}
    return {"BACKEND": "larder.catalog.services.stored_pictures.PictureFolder", "OPTIONS": options}


def _s3(bucket: str, address: str) -> dict[str, Any]:
    # Loaded only where it is used: it takes 20 MB.
    try:
        from botocore.config import Config
    except ModuleNotFoundError as missing:
        raise ImproperlyConfigured(
            f"PICTURES_BUCKET is set, and {missing.name} is not installed: "
            "install requirements/prod.txt, or larder[s3]."
        ) from missing

    scheme, _, place = address.partition("://")
    return {
        "bucket_name": bucket,
        # Its library reads AWS_DEFAULT_REGION alone.
        "region_name": os.environ.get("AWS_REGION"),
        # Addresses are public, and never expire.
        "custom_domain": place or None,
        "url_protocol": f"{scheme}:",
        "querystring_auth": False,
        "object_parameters": {"CacheControl": CACHE_CONTROL, "ContentType": CONTENT_TYPE},
        "client_config": Config(
            connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 1}
        ),
    }
