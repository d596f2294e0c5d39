"""Many concurrent clients of an earlier contract: their requests and answers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from time import monotonic, sleep
from typing import Any

from larder.identity.models import Customer
from tests.compat.conftest import ApiClient, assert_books_balance
from tests.compat.documented import Documented
from tests.compat.shops import Client, Contract, Request
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Reply, Server
from tests.system.race.books import assert_agree, shelf
from tests.system.race.shops import LONGEST_BUSY, HttpShop, at_once

FEW = 4
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Shop:
    """A contract at a server. With its guards, the contract's document judges every answer."""

    contract: Contract
    server: Server
    is_guarded: bool = True

    def client(self, who: Person) -> Client:
        client = ApiClient(self.server, f"Bearer {token_for(who)}")
        return Documented(self.contract.name, client) if self.is_guarded else client

    def buyers(self, number: int) -> list[Client]:
        """Clients of a few customers; of as many customers where each has one cart."""
        people = number if self.contract.has_carts else FEW
        clients = [self.client(stranger()) for _ in range(people)]
        return [clients[turn % people] for turn in range(number)]

    def orders(self, clients: int, products: Sequence[int]) -> list[Request]:
        """One unit of each product; every other client sends the products in opposite order."""
        return [
            self.contract.order(buyer, [(one, 1) for one in products[:: -1 if turn % 2 else 1]])
            for turn, buyer in enumerate(self.buyers(clients))
        ]

    def rush(self, requests: Sequence[Request], *products: int) -> "Rush":
        """All at once, each over a separate connection. At a server with its guards, clients come
        again after a 503, as real ones do."""
        crowd = [partial(repeated, one) for one in requests] if self.is_guarded else requests
        return Rush(self.contract, at_once(HttpShop(self.server), crowd), products)


@dataclass(frozen=True, slots=True)
class Rush:
    """The answers to all concurrent requests for these products."""

    contract: Contract
    replies: list[Reply]
    products: tuple[int, ...]

    @property
    def statuses(self) -> Counter[int]:
        """How often each was answered."""
        return Counter(reply.status for reply in self.replies)

    def bodies(self, status: int) -> list[Any]:
        return [reply.body for reply in self.replies if reply.status == status]

    def assert_sold(self, units: int, *, of: int) -> None:
        """Checks that these units of each product are sold, by stock, ledger and orders."""
        for product in self.products:
            assert (shelf(product).available, shelf(product).sold) == (of - units, units)
        assert_agree(self.products)
        assert_books_balance()


def repeated(request: Request) -> Reply:
    """Repeats a request until the server is not too busy; returns the reply."""
    until = monotonic() + LONGEST_BUSY
    while (reply := request()).status == 503 and monotonic() < until:
        sleep(0.5)
    return reply


def stranger() -> Person:
    """A customer without a password, which costs no hash."""
    return Person(Customer.objects.create_user(f"stranger {next(_numbers)}"), "")
