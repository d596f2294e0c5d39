"""Sends HTTP requests to addresses that others chose, such as those of webhooks.

A name is resolved once, all its addresses are checked, and the connection is made to one of them,
so that no name leads inside. httpcore2 follows no redirects, takes no proxies from the environment,
and unpacks nothing.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from httpcore2 import (
    SOCKET_OPTION,
    AnyIOBackend,
    AsyncConnectionPool,
    AsyncNetworkBackend,
    AsyncNetworkStream,
    ConnectError,
    ConnectTimeout,
    NetworkError,
    ProtocolError,
    TimeoutException,
    default_ssl_context,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST = 15.0
"""Seconds for a request, from the look-up of the name to the last byte that is read."""

LONGEST_CONNECT = 5.0
"""Seconds for the connection to one of the addresses of a name."""

MAX_ANSWER_BYTES = 4 * 1024
"""Bytes of an answer that are read."""

MAX_ADDRESSES = 4
"""Addresses of a name that are tried."""

MAX_LOOKUPS = 64
"""Names that are looked up at once: each takes a thread."""

IDLE_SECONDS = 10.0
"""Seconds for which a connection is kept for the next request to the same origin."""

MAX_IDLE = 512
"""Connections that are kept."""

POOLS = 64
"""Pools that share the origins: at each request, a pool looks at all of its connections."""

_PUBLIC = IPv6Network("2000::/3")
"""Global unicast (RFC 4291): all else is local, mapped, translated (NAT64), or multicast."""

_NOT_PUBLIC: Sequence[Network] = [
    ip_network(text)
    for text in (
        "2001::/23",  # protocols, Teredo among them (RFC 2928)
        "2001:db8::/32",  # documentation (RFC 3849)
        "2002::/16",  # 6to4 (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637)
        "192.0.0.0/24",  # protocols (RFC 6890)
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "168.63.129.16/32",  # the host of a machine of Azure
    )
]
"""Networks that `is_global` of some versions of Python, or all, count as public."""


def is_public(address: Address) -> bool:
    """Returns whether an address is one of a single machine on the public internet."""
    if isinstance(address, IPv6Address) and (address not in _PUBLIC or address.scope_id):
        return False
    is_global = address.is_global and not address.is_multicast
    return is_global and not any(address in network for network in _NOT_PUBLIC)


@dataclass
class NoAnswer(Exception):
    """A request without an answer. `reason` has no address and nothing of what was sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its status, its headers by their names in small letters, and its first bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def pause(self, at: datetime) -> float:
        """Returns the seconds of Retry-After (RFC 9110, section 10.2.3)."""
        text = self.headers.get("retry-after", "")
        try:
            if text.isascii() and text.isdigit():
                seconds = float(text[:10])
            else:
                seconds = (parsedate_to_datetime(text) - at).total_seconds()
        except (TypeError, ValueError, OverflowError):
            return 0.0
        return max(seconds, 0.0)


Resolve = Callable[[str], Iterable[str]]


def resolve(name: str) -> list[str]:
    """Returns the addresses of a name, or of a number in any form that the system reads as an
    address. Raises OSError, UnicodeError."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return [str(address[4][0]) for address in found]


class _Backend(AsyncNetworkBackend):
    """Connects to the addresses that `allows` says."""

    def __init__(self, allows: Callable[[Address], bool], resolve: Resolve) -> None:
        self._allows, self._resolve = allows, resolve
        self._network = AnyIOBackend()
        self._threads = ThreadPoolExecutor(MAX_LOOKUPS, "names")
        self._lookups: dict[str, asyncio.Future[list[Address]]] = {}

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Connects to the first address of a host that answers. Raises NoAnswer, ConnectError,
        ConnectTimeout."""
        addresses = await self._addresses(host)
        if not addresses or not all(map(self._allows, addresses)):
            raise NoAnswer("Its address is not open to requests of the shop.")
        failure: Exception = ConnectError()
        for address in addresses[:MAX_ADDRESSES]:
            try:
                return await self._network.connect_tcp(str(address), port, timeout)
            except (ConnectError, ConnectTimeout) as error:
                failure = error
        raise failure

    async def _addresses(self, host: str) -> list[Address]:
        """Returns the addresses of a host. A look-up takes a thread: there is one at a time for a
        name, however many requests wait for it. Raises NoAnswer."""
        lookup = self._lookups.get(host)
        if lookup is None:
            loop = asyncio.get_running_loop()
            lookup = loop.run_in_executor(self._threads, _parsed, self._resolve, host)
            self._lookups[host] = lookup
            lookup.add_done_callback(partial(self._looked_up, host))
        try:
            return await asyncio.shield(lookup)
        except (OSError, ValueError):
            raise NoAnswer("Its name cannot be resolved.") from None

    def _looked_up(self, host: str, lookup: "asyncio.Future[list[Address]]") -> None:
        del self._lookups[host]
        if not lookup.cancelled():
            lookup.exception()  # read: those who waited may be gone


def _parsed(resolve: Resolve, host: str) -> list[Address]:
    return [ip_address(text) for text in resolve(host)]


class Client:
    """Sends requests from one event loop: with https to public addresses and to these networks,
    without TLS only to these networks. `http2`: by HTTP/2 to servers that offer it."""

    def __init__(
        self,
        networks: Sequence[Network],
        resolve: Resolve = resolve,
        longest: float = LONGEST,
        *,
        http2: bool = False,
    ) -> None:
        def is_open(address: Address) -> bool:
            return any(address in network for network in networks)

        self._longest = longest

        def is_reachable(address: Address) -> bool:
            return is_public(address) or is_open(address)

        context = default_ssl_context()
        backends = {
            "https": _Backend(is_reachable, resolve),
            "http": _Backend(is_open, resolve),
        }
        self._pools = {
            (scheme, number): AsyncConnectionPool(
                context,
                max_connections=None,
                max_keepalive_connections=MAX_IDLE // POOLS,
                keepalive_expiry=IDLE_SECONDS,
                http2=http2,
                network_backend=backend,
            )
            for scheme, backend in backends.items()
            for number in range(POOLS)
        }

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Posts a body, and returns the answer, whatever its status. Raises NoAnswer."""
        scheme, _, rest = url.partition("://")
        pool = self._pools.get((scheme.lower(), hash(rest.partition("/")[0]) % POOLS))
        if pool is None:
            raise NoAnswer("Its address is not one of https.")
        try:
            async with asyncio.timeout(self._longest):
                return await _post(pool, url, headers, body)
        except (TimeoutError, TimeoutException):
            raise NoAnswer("It did not answer in time.") from None
        except (NetworkError, ProtocolError) as error:
            reason = "Its certificate is not valid." if _is_tls(error) else "The connection failed."
            raise NoAnswer(reason) from None
        except ValueError:
            raise NoAnswer("Its address cannot be read.") from None


async def _post(
    pool: AsyncConnectionPool, url: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    timeouts = {"connect": LONGEST_CONNECT}
    sent = list(headers.items())
    async with pool.stream(
        "POST", url.encode("ascii"), headers=sent, content=body, extensions={"timeout": timeouts}
    ) as response:
        read = bytearray()
        async for part in response.aiter_stream():
            read += part
            if len(read) >= MAX_ANSWER_BYTES:
                break
        answered = {
            name.decode().lower(): value.decode("latin-1") for name, value in response.headers
        }
        return Answer(response.status, answered, bytes(read[:MAX_ANSWER_BYTES]))


def _is_tls(error: Exception) -> bool:
    return isinstance(error.__cause__ or error.__context__, ssl.SSLError)
