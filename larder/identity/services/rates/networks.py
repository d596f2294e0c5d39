"""What the addresses of one client have in common."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

PREFIXES = (64, 56, 48)
"""Prefixes that providers assign to one customer (RIPE-690, section 4.2). The customer chooses the
other bits, and can use another address for each request."""


def networks_of(address: str) -> list[str]:
    """Returns what the addresses of one client have in common, the narrowest first: the IPv4
    address, or the networks of an IPv6 address.

    IPv4 addresses are expensive, and many customers share one, so IPv4 networks are not counted.

    >>> networks_of("203.0.113.9")
    ['203.0.113.9']
    >>> networks_of("2001:db8:1:2345:6:7:8:9")
    ['2001:db8:1:2345::/64', '2001:db8:1:2300::/56', '2001:db8:1::/48']
    """
    found = parsed(address)
    if isinstance(found, IPv6Address):
        return [str(IPv6Network((found, bits), strict=False)) for bits in PREFIXES]
    return [str(found or address)]


def parsed(text: str) -> Address | None:
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
