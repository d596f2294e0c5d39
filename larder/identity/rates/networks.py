"""Finds the client address of a request that came through proxies.

Each proxy appends the address of its peer to X-Forwarded-For. The client can send any content
before that. So the header is read from its end, and only as long as a trusted proxy wrote it.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any

Address = IPv4Address | IPv6Address

PREFIXES = (64, 56, 48)
"""Prefixes that providers assign to one customer (RIPE-690, section 4.2). The customer chooses the
other bits, and can use another address for each request."""


def client_address(environ: Mapping[str, Any], trusted: Sequence[str]) -> str:
    """Returns the address of the client: the last one that does not belong to a trusted proxy.

    `environ` is WSGI's; `trusted` are addresses or networks. An entry that is not an address ends
    the search; the result is then the proxy that passed it on. A peer without an address (a local
    socket) is returned unchanged.

    >>> passed_on = {"HTTP_X_FORWARDED_FOR": "6.6.6.6, 203.0.113.9, 10.0.0.3"}
    >>> client_address({"REMOTE_ADDR": "10.0.0.2"} | passed_on, ["10.0.0.0/8"])
    '203.0.113.9'
    >>> client_address({"REMOTE_ADDR": "198.51.100.7"} | passed_on, ["10.0.0.0/8"])
    '198.51.100.7'
    """
    peer = environ.get("REMOTE_ADDR", "")
    found, networks = _parsed(peer), _networks(tuple(trusted))
    if found is None:
        return str(peer)
    hops = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while hops and _is_in(found, networks):
        hop = _parsed(hops.pop())
        if hop is None:
            break
        found = hop
    return str(found)


def networks_of(address: str) -> list[str]:
    """Returns what the addresses of one client have in common, the narrowest first: the IPv4
    address, or the networks of an IPv6 address.

    IPv4 addresses are expensive, and many customers share one, so IPv4 networks are not counted.

    >>> networks_of("203.0.113.9")
    ['203.0.113.9']
    >>> networks_of("2001:db8:1:2345:6:7:8:9")
    ['2001:db8:1:2345::/64', '2001:db8:1:2300::/56', '2001:db8:1::/48']
    """
    found = _parsed(address)
    if isinstance(found, IPv6Address):
        return [str(IPv6Network((found, bits), strict=False)) for bits in PREFIXES]
    return [str(found or address)]


def _parsed(text: str) -> Address | None:
    """Returns the address without the port that some proxies add: `203.0.113.9:4711`,
    `[2001:db8::1]:4711`. None if the text is not an address."""
    given = text.strip()
    if given.startswith("["):
        given = given[1:].partition("]")[0]
    elif given.count(":") == 1:
        given = given.partition(":")[0]
    try:
        found = ip_address(given)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


@lru_cache(maxsize=8)
def _networks(trusted: tuple[str, ...]) -> list[IPv4Network | IPv6Network]:
    return [ip_network(one.strip(), strict=False) for one in trusted]


def _is_in(address: Address, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    return any(address in network for network in networks)
