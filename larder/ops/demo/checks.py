"""System checks of demo mode: a demo, whose users have known passwords, does not start where it
could be public.

Most checks of checks.py are off in demo mode; these are off outside of it.
"""

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from larder.ops.serve import listens_everywhere

WIDEST = {4: 8, 6: 7}
"""The shortest prefixes that a single organization can have: 10.0.0.0/8 and fc00::/7."""

ONE_LABEL = re.compile(r"[a-z][a-z0-9_-]*")
"""A name without a dot, such as a service of a compose network. Public names have two labels."""


@register(Tags.security, deploy=True)
def demo_is_not_public(**options: Any) -> list[CheckMessage]:
    """Names each setting with which a demo could be reached from outside."""
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
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return address.is_private


def is_narrow_network(text: str) -> bool:
    """Returns whether this is a network, and one that a single organization can have."""
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        return False
    return network.prefixlen >= WIDEST[network.version]
