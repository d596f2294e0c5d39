"""Slow clients do not keep others from being served."""

import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from time import sleep

import pytest

from larder.ops.serve import raise_file_limit
from tests.conftest import Person
from tests.system.race.shops import PASSWORD
from tests.system.stack.front_door import FrontDoor
from tests.system.stack.http2 import Connection
from tools.attack.uploads import HEAD, Front, Served, SlowClients, others, sources
from tools.processes import children, send, wait_until
from tools.stack import Stack
from tools.stack.process import Process

SLOW = 1200
PLACES = 2 * 600
"""Servers, `max_conns` of each."""
SECONDS = 12.0
"""Longer than the deadline of an upload; `make attack` does it for two minutes."""
OPENED_SECONDS = 60.0
PHONES = 1000
READERS = 140
SETTLED_SECONDS = 3.0
STREAMS, CONNECTIONS = 100, 12
MakePerson = Callable[[], Person]
MakeProduct = Callable[[int], int]


@pytest.fixture(scope="module", autouse=True)
def _files() -> None:
    raise_file_limit()


@pytest.fixture
def buy(front: FrontDoor, customer: MakePerson, product: MakeProduct) -> Callable[[], None]:
    """What ordinary customers do: look at the list, and order."""
    jam = product(100_000)
    token = front.token(customer().customer.username, PASSWORD)
    body = {"lines": [{"product": jam, "quantity": 1}]}

    def request() -> None:
        listed = front.call("GET", "products?limit=20", token=token)
        assert listed.status == 200, listed
        placed = front.call("POST", "orders", body, token=token)
        assert placed.status == 201, placed

    return request


@pytest.fixture
def nginx(stack: Stack, front: FrontDoor) -> Front:
    return Front(stack.addresses["nginx"], 8443, front._context)


@contextmanager
def slow(nginx: Front, addresses: Sequence[str], head: bytes = HEAD) -> Iterator[SlowClients]:
    """All of them have connected."""
    with SlowClients(nginx, addresses, SLOW, head) as clients:
        assert wait_until(lambda: clients.opened >= SLOW, OPENED_SECONDS), clients.opened
        yield clients


def assert_served(served: Served) -> None:
    assert not served.failures, f"{served}: {served.failures[:3]}"
    assert served.p99 < 1, served
    assert len(served.seconds) > 20, served


@pytest.mark.parametrize("addresses", [3, 400])
def test_others_are_served_during_slow_uploads(
    nginx: Front, buy: Callable[[], None], addresses: int
) -> None:
    with slow(nginx, sources(addresses)) as clients, others(buy) as served:
        sleep(SECONDS)
    assert_served(served)
    assert clients.answered == 0


def test_others_are_served_during_slow_heads(nginx: Front, buy: Callable[[], None]) -> None:
    head = HEAD.partition(b"Content-Length")[0] + b"X-Slow: "
    with slow(nginx, sources(3), head), others(buy) as served:
        sleep(SECONDS)
    assert_served(served)


def test_others_are_served_while_answers_are_not_read(
    nginx: Front, buy: Callable[[], None]
) -> None:
    """More readers than the servers have threads ask for a document of 1 MB, and read nothing."""
    ask = (
        b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: identity\r\n\r\n"
    )
    with ExitStack() as readers:
        for _ in range(READERS):
            reader = readers.enter_context(nginx.connect())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.sendall(ask)
        sleep(SETTLED_SECONDS)
        with others(buy) as served:
            sleep(SECONDS)
    assert_served(served)


def test_http_2_streams_with_incomplete_bodies_hold_no_thread(
    stack: Stack, front: FrontDoor, buy: Callable[[], None]
) -> None:
    with ExitStack() as connections:
        for _ in range(CONNECTIONS):
            one = connections.enter_context(Connection(stack.url, stack.certificate, "127.201.1.1"))
            for _ in range(STREAMS):
                one.send(one.begin("/api/v1/auth/token", 1000), b"{")
        with others(buy) as served:
            sleep(SECONDS / 2)
    assert_served(served)


def test_a_thousand_phones_behind_one_address_are_served(
    nginx: Front, front: FrontDoor, customer: MakePerson
) -> None:
    """All connect first; then each sends a body in two pieces, 100 in between at a time."""
    token = front.token(customer().customer.username, PASSWORD)
    head = (
        "POST /api/v1/orders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        "Content-Length: 12\r\n\r\n"
    ).encode()
    with ExitStack() as opened:
        phones = [opened.enter_context(nginx.connect(timeout=60)) for _ in range(PHONES)]
        for n in range(PHONES + 100):
            if n < PHONES:
                phones[n].sendall(head + b'{"li')
            if n >= 100:
                phones[n - 100].sendall(b'nes":[]}')
        answers = [one.recv(65_536) for one in phones]
    statuses = {one[:12] for one in answers}
    assert statuses == {b"HTTP/1.1 400"}, statuses


@contextmanager
def frozen(*servers: Process) -> Iterator[None]:
    """They take requests and answer none, until the block ends."""
    pids = [pid for server in servers for pid in (server.pid, *children(server.pid))]
    for pid in pids:
        send(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            send(pid, signal.SIGCONT)


def test_disconnected_clients_keep_their_places_until_the_servers_finish(
    stack: Stack, nginx: Front, front: FrontDoor
) -> None:
    """The servers run their requests all the same: without a place they could be of any number."""
    ask = b"GET /api/v1/products HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with frozen(stack["app1"], stack["app2"]):
        for number in range(PLACES + 50):
            with nginx.connect(sources(3)[number % 3]) as client:
                client.sendall(ask)
        refused = front.call("GET", "products")
        assert (refused.status, refused.body["code"]) == (503, "overloaded")
    assert wait_until(lambda: front.call("GET", "products").status == 401)
