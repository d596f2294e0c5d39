"""A thread that waits for another holds no connection, so that the pool serves every thread."""

import socket
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import sleep

from tests.conftest import Person
from tests.load import repeated
from tests.server import Server

KEYS, TOKENS = 20, 4
REQUESTS = 480


def order(server: Server, token: str, product: int) -> int:
    """Orders one of the product; returns the status."""
    lines = {"lines": [{"product": product, "quantity": 1}]}
    return server.call("POST", "orders", lines, token=token).status


def read_list(server: Server, credentials: list[str]) -> Counter[int]:
    """The statuses of REQUESTS reads of the product list, by all of these at the same time."""

    def read(credential: str) -> Counter[int]:
        each = REQUESTS // len(credentials)
        return Counter(server.call("GET", "products", token=credential).status for _ in range(each))

    with ThreadPoolExecutor(len(credentials)) as readers:
        return sum(readers.map(read, credentials), Counter[int]())


def test_the_list_is_read_by_all_callers_while_orders_commit(
    transactional_db: None, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    jam, buyer = product(stock=1_000_000), person()
    people = [person(is_staff=number < 2) for number in range(TOKENS)]
    with Server(workers=2, environment={"DB_POOL_SIZE": "3"}) as server:
        tokens = [server.token(who.customer.username, who.password) for who in (buyer, *people)]
        keys = [new_key(server, tokens[number % len(tokens)]) for number in range(KEYS)]
        # While orders commit, each look at a page finds that something changed.
        with repeated([partial(order, server, tokens[0], jam)] * 2, pause=0.005) as orders:
            read = read_list(server, [*keys, *tokens[1:]])
    assert set(read) == {200}, read
    assert set(orders) == {201}, orders


def test_slow_uploads_with_keys_hold_no_connection(
    transactional_db: None, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    product(stock=1)
    customer = person()
    with Server(workers=1, environment={"DB_POOL_SIZE": "2"}) as server:
        token = server.token(customer.customer.username, customer.password)
        key = new_key(server, token)
        head = (
            "POST /api/v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {key}\r\nContent-Length: 1000\r\n\r\n{{"
        )
        uploads = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(6)]
        for upload in uploads:
            upload.sendall(head.encode())
        sleep(0.5)
        statuses = {server.call("GET", "me", token=key).status for _ in range(5)}
        for upload in uploads:
            upload.close()
    assert statuses == {200}


def new_key(server: Server, token: str) -> str:
    """A key of the token's owner."""
    key = server.call("POST", "auth/keys", {"name": "till"}, token=token)
    assert key.status == 201, key.body
    return str(key.body["key"])
