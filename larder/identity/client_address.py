"""Where a request comes from, when it came through proxies.

Each proxy adds the address it was asked from to the end of X-Forwarded-For; what stands before
is whatever the client made up. So it is read from its end, and only as long as the address that
wrote it is a proxy of ours.
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
"""Prefixes that providers give to one customer (RIPE-690, section 4.2). The customer chooses the
other bits, and can use another address for each request."""


def client_address(environ: Mapping[str, Any], trusted: Sequence[str]) -> str:
    """The address of the client: the last that no trusted proxy has.

    `environ` is WSGI's, `trusted` are addresses or networks. What is no address ends the search
    at the proxy that passed it on. A peer that has no address (a socket of this machine) is
    given back as it is.

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
    """What addresses of one client may have in common, the narrowest first: an IPv4 address, the
    networks of an IPv6 one.

    An IPv4 address costs money, and many customers share one: neighbours are not counted together.

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
    """Some proxies add the port: `203.0.113.9:4711`, `[2001:db8::1]:4711`."""
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
