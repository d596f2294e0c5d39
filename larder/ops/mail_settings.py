"""Makes Django's settings from EMAIL_URL. The settings import this, so it must not use them."""

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

PORTS = {"smtp": 25, "smtps": 587, "smtp+tls": 587, "smtp+ssl": 465}


def mail_settings(url: str) -> dict[str, Any]:
    """Returns Django's EMAIL_… settings. Without a mail server, mails are discarded.

    >>> mail_settings("smtp+tls://ada:secret@mail.example.com")["EMAIL_PORT"]
    587

    Raises ImproperlyConfigured, which does not repeat the password.
    """
    try:
        found = dict(environ.FileAwareEnv.email_url_config(url or "dummymail://"))
    except (ImproperlyConfigured, ValueError):
        found = {}
    scheme = url.partition(":")[0]
    if not found or (scheme in PORTS and not found["EMAIL_HOST"]):
        raise ImproperlyConfigured(
            "EMAIL_URL is not the address of a mail server. Give smtp+tls://name:password@host:587"
            " (STARTTLS), smtp+ssl://…:465, smtp://host:25 without encryption, or"
            " consolemail:// to print the mails of a demo. In the name and the password write"
            " @ as %40, : as %3A and / as %2F."
        )
    return found | {"EMAIL_PORT": found["EMAIL_PORT"] or PORTS.get(scheme)}
