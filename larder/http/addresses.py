"""The address of the client, behind proxies, and that of this server, as clients use it.

Each proxy appends the address of its peer to X-Forwarded-For. The client can send any content
before that. So the header is read from its end, and only as long as a trusted proxy wrote it.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

from larder.identity.services.attempts import parsed


def address_of(request: HttpRequest) -> str:
    """Returns the address of the client, which the client cannot choose (TRUSTED_PROXIES)."""
    return client_address(request.META, settings.TRUSTED_PROXIES)


def client_address(environ: Mapping[str, Any], trusted: Sequence[str]) -> str:
    """Returns the address of the client: the last one that does not belong to a trusted proxy.

    `trusted` are addresses or networks. An entry that is no address ends the search; a peer without
    an address (a local socket) is returned unchanged.

    >>> passed_on = {"HTTP_X_FORWARDED_FOR": "6.6.6.6, 203.0.113.9, 10.0.0.3"}
    >>> client_address({"REMOTE_ADDR": "10.0.0.2"} | passed_on, ["10.0.0.0/8"])
    '203.0.113.9'
    >>> client_address({"REMOTE_ADDR": "198.51.100.7"} | passed_on, ["10.0.0.0/8"])
    '198.51.100.7'
    """
    peer = environ.get("REMOTE_ADDR", "")
    address, networks = parsed(peer), _networks(tuple(trusted))
    if address is None:
        return str(peer)
    hops = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while hops and any(address in network for network in networks):
        hop = parsed(hops.pop())
        if hop is None:
            break
        address = hop
    return str(address)


@lru_cache(maxsize=8)
def _networks(trusted: tuple[str, ...]) -> list[IPv4Network | IPv6Network]:
    return [ip_network(network.strip(), strict=False) for network in trusted]


def base_url(request: HttpRequest) -> str:
    """Returns the scheme and host that clients use: PUBLIC_URL, or else those of the request.

    Empty, which leaves a URL relative, if the host of the request is not allowed.
    """
    try:
        return settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}"
    except DisallowedHost:
        return ""
