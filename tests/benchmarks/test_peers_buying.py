"""Buying from a small test server, sequentially and concurrently."""

import http.server
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from benchmarks.measurement import Meter
from benchmarks.peers import buying
from benchmarks.peers.buying import Buying, Rush
from benchmarks.peers.flow import Conversation, Flow, Refused, insist
from benchmarks.peers.system import Basket
from benchmarks.traffic import request


class Shop(http.server.ThreadingHTTPServer):
    """Sells what it has; the first of two requests is to no purpose. `fails`: how often."""

    daemon_threads = True
    request_queue_size = 100

    def __init__(self, stock: int, fails: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), Counter)
        self.lock = threading.Lock()
        self.stock = self.opening = stock
        self.fails = fails

    def sell(self, units: int) -> int:
        """The status of an answer."""
        with self.lock:
            if self.fails:
                self.fails -= 1
                return 500
            if units > self.stock:
                return 409
            self.stock -= units
            return 201


class Counter(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Shop

    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(self.server.sell(asked))

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Not a word."""


@dataclass(frozen=True)
class Visitor:
    """Looks, then buys."""

    def order(self, basket: Basket) -> Flow:
        (yield request("GET", "/")).expect(200)
        units = sum(units for _, units in basket)
        reply = yield from insist(request("POST", "/", {}, json.dumps(units).encode()))
        if reply.status == 409:
            raise Refused("sold out")
        reply.expect(201)


def open_shop(stock: int, fails: int = 0) -> Iterator[Shop]:
    with Shop(stock, fails) as shop:
        thread = threading.Thread(target=shop.serve_forever, args=(0.05,))
        thread.start()
        yield shop
        shop.shutdown()
        thread.join()


@pytest.fixture
def shop() -> Iterator[Shop]:
    yield from open_shop(stock=1_000_000)


@pytest.fixture
def small_shop() -> Iterator[Shop]:
    yield from open_shop(stock=3)


def load(shop: Shop, seconds: float = 6.0) -> Buying:
    """Long enough for the processes of the buyers to start on a busy machine."""
    return Buying(shop.server_address[1], [Visitor()] * 3, range(10), "seed", 0.1, seconds)


def test_a_rate_counts_whole_orders_and_every_unit_is_accounted_for(shop: Shop) -> None:
    found, errors = buying.measure(load(shop), Meter(os.getpid()))
    assert found.failure == ""
    assert found.orders > 3
    assert found.sent == 2 * found.orders
    assert found.units == shop.opening - shop.stock
    assert 0 < len(found.latencies) < found.orders
    assert errors == 0


def test_failed_orders_are_counted_and_retried(shop: Shop) -> None:
    shop.fails = 2
    found, errors = buying.measure(load(shop), Meter(os.getpid()))
    assert (found.failure, errors) == ("", 2)
    assert found.sent == 2 * found.orders + 2


def test_a_refusal_with_enough_stock_is_a_failure(small_shop: Shop) -> None:
    found, _ = buying.measure(load(small_shop), Meter(os.getpid()))
    assert found.failure == "Refused: sold out"


def test_each_concurrent_buyer_gets_an_answer(small_shop: Shop) -> None:
    answers = buying.rush(small_shop.server_address[1], [Visitor()] * 8, product=1)
    assert sorted(answers) == ["refused"] * 5 + ["sold"] * 3
    assert Rush(there=3, sold=3, refused=5, failed=[], left=0).oversold == 0
    assert Rush(there=3, sold=8, refused=0, failed=[], left=-5).oversold == 5


def test_two_lines_of_one_product_are_one_order(small_shop: Shop) -> None:
    with Conversation(small_shop.server_address[1]) as conversation:
        assert buying.outcome(conversation, Visitor(), [(1, 2), (1, 2)]) == "refused"
        assert buying.outcome(conversation, Visitor(), [(1, 1), (1, 2)]) == "sold"
        small_shop.fails = 9
        assert buying.outcome(conversation, Visitor(), [(1, 1)]).startswith("BadReply: ")
