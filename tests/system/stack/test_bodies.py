"""Bodies at the front nginx: chunked, incomplete, many long ones, and unexpected ones."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from uuid import uuid4

import pytest

from tests.conftest import Person
from tests.system.race.shops import PASSWORD
from tests.system.stack.front_door import FrontDoor, requests
from tests.system.stack.http2 import Connection
from tools.attack.load import repeated
from tools.attack.uploads import Front, others, sources
from tools.processes import wait_until
from tools.stack import Stack

FOLDER_BYTES = 256 * 1024**2
"""Of nginx's folder for bodies, in compose.yaml."""
UPLOADS, UPLOAD_BYTES = 160, 2 * 1024**2
SETTLED_SECONDS = 3.0


@dataclass
class Buyer:
    """A customer who orders one product."""

    front: FrontDoor
    token: str
    product: int

    @property
    def order(self) -> bytes:
        return json.dumps({"lines": [{"product": self.product, "quantity": 1}]}).encode()

    def head(self, *headers: str) -> bytes:
        """Return the head of a POST of an order."""
        given = [f"Authorization: Bearer {self.token}", "Content-Type: application/json", *headers]
        lines = ["POST /api/v1/orders HTTP/1.1", "Host: localhost", "Connection: close", *given]
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()

    def placed(self) -> int:
        """Return how many orders the customer has."""
        return len(self.front.call("GET", "orders", token=self.token).body["results"])


@pytest.fixture
def buyer(front: FrontDoor, customer: Callable[[], Person], product: Callable[[int], int]) -> Buyer:
    token = front.token(customer().customer.username, PASSWORD)
    return Buyer(front, token, product(100_000))


@pytest.fixture
def folder(stack: Stack) -> Iterator[Path]:
    """nginx's folder for bodies, which is empty at first and at the end."""
    place = stack.folder / "nginx" / "tmp" / "body"
    assert wait_until(lambda: used(place) == 0, 30)
    yield place
    assert wait_until(lambda: used(place) == 0, 30)


def used(folder: Path) -> int:
    """Return the bytes of all open files in the folder."""
    total = 0
    for one in folder.rglob("*"):
        # nginx removes a file when its request has ended.
        with suppress(FileNotFoundError):
            total += 0 if one.is_dir() else one.stat().st_size
    return total


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece)


def test_an_order_in_chunks_is_placed_once(buyer: Buyer, front: FrontDoor) -> None:
    with front.socket() as connection:
        connection.sendall(buyer.head("Transfer-Encoding: chunked"))
        for n in range(0, len(buyer.order), 5):
            connection.sendall(chunk(buyer.order[n : n + 5]))
        connection.sendall(b"0\r\n\r\n")
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 201 "), answer
    assert buyer.placed() == 1


def test_an_incomplete_chunked_order_is_not_placed(buyer: Buyer, front: FrontDoor) -> None:
    """All of the order has come, the last chunk has not."""
    with front.socket() as connection:
        connection.sendall(buyer.head("Transfer-Encoding: chunked") + chunk(buyer.order))
        sleep(SETTLED_SECONDS / 3)
    with front.socket(timeout=25) as connection:
        connection.sendall(buyer.head("Transfer-Encoding: chunked") + chunk(buyer.order))
        connection.sendall(b"not a chunk\r\n")
        answer = connection.recv(65_536)
    assert b" 400 " in answer.splitlines()[0], answer
    sleep(SETTLED_SECONDS / 3)
    assert buyer.placed() == 0


def test_many_large_uploads_leave_memory_for_a_long_order(
    stack: Stack, front: FrontDoor, buyer: Buyer, folder: Path
) -> None:
    """Each lacks its last byte. 128 of them were 256 MB."""
    nginx = Front(stack.addresses["nginx"], 8443, front._context)
    head = (
        "POST /api/v1/products/import HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: text/csv\r\nContent-Length: {UPLOAD_BYTES}\r\n\r\n"
    ).encode()
    with ExitStack() as connections:
        for source in sources(UPLOADS):
            upload = connections.enter_context(nginx.connect(source))
            try:
                upload.sendall(head + b" " * (UPLOAD_BYTES - 1))
            except OSError:
                continue  # refused
        sleep(SETTLED_SECONDS)
        held = used(folder)
        placed = front.call("POST", "orders", buyer.order + b" " * 100_000, token=buyer.token)
        assert placed.status == 201, placed
    assert 16 * UPLOAD_BYTES < held < FOLDER_BYTES / 2


def test_a_get_of_http_2_stores_no_body(stack: Stack, front: FrontDoor, folder: Path) -> None:
    asked, path = [uuid4().hex for _ in range(20)], "/api/v1/products"
    with Connection(stack.url, stack.certificate) as connection:
        for one in asked:
            stream = connection.begin(path, None, method="GET", correlation_id=one)
            connection.send(stream, b" " * 1_000)

        def answered() -> set[int]:
            return {line["status"] for line in requests(stack) if line["correlation_id"] in asked}

        assert wait_until(lambda: answered() == {401}), answered()
        assert used(folder) == 0


REFUSED = {
    "a path that does not exist": ("POST", "/nowhere", 404),
    "a method that does not exist": ("PUT", "/api/v1/orders", 405),
    "a form of the admin": ("POST", "/admin/catalog/product/add/", 413),
    "the document of v1": ("GET", "/api/v1/openapi.json", 200),
    "the document of contract 1": ("GET", "/api/compat/contract1/openapi.json", 200),
}
"""Requests that need no credentials and whose bodies the application does not use."""
STRANGERS, LONG, NEIGHBOURS_SECONDS = 3, 500_000, 8.0


@pytest.mark.parametrize("refused", REFUSED)
def test_unused_long_bodies_do_not_disturb_orders_of_others(
    front: FrontDoor, buyer: Buyer, refused: str
) -> None:
    """A server closes the connection of a request that it has not read. nginx may have sent another
    request on it, an order of another client: that is answered 502, placed or not."""
    method, path, status = REFUSED[refused]

    def order() -> None:
        placed = front.call("POST", "orders", buyer.order, token=buyer.token)
        assert placed.status == 201, placed

    def refuse() -> int:
        return front.call(method, path, b" " * LONG).status

    with repeated([refuse] * STRANGERS, pause=0) as statuses, others(order, pause=0) as served:
        sleep(NEIGHBOURS_SECONDS)
    assert not served.failures, f"{served}: {served.failures[:3]}"
    assert statuses.keys() <= {status, 503}, statuses
    assert statuses[status] > 10, statuses
