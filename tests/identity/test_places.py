"""Places of a lane: one account or network can have all, several have equal shares."""

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from larder.core.errors import Overloaded
from larder.core.shares import Waiter
from larder.identity.passwords.hashers import HashQueue, Lane
from larder.identity.services.rates import attempts
from larder.identity.services.rates.attempts import Action, Proof
from larder.identity.services.rates.networks import networks_of
from tools.processes import wait_until

PLACES, THREADS = 8, 64
HERE, ELSEWHERE = "203.0.113.9", "198.51.100.7"
SETUP = attempts.Setup(attempts.WIDE, secret="a secret of this test")

Client = tuple[str, str]
"""An account, and the address that it logs in from."""


@dataclass
class Crowd:
    """Log-ins, each in a thread, while another client has the only slot for hashes."""

    queue: HashQueue
    threads: ThreadPoolExecutor
    accounts: dict[tuple[UUID, ...], str] = field(default_factory=dict)
    arrived: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    hashed: list[str] = field(default_factory=list)

    def arrive(
        self, clients: Iterable[Client], proof: Proof = "none", action: Action = "log in"
    ) -> None:
        """Log in one after the other; return when each waits or is refused."""
        for account, address in clients:
            named = attempts._Named(SETUP, action, account, networks_of(address))
            lane = attempts._enter(named, proof).lane
            self.accounts[tuple(named.holders())] = account
            self.threads.submit(self._hash, account, lane, named.holders())
            self.arrived += 1
            assert wait_until(self._is_settled)

    def _hash(self, account: str, lane: Lane, holders: list[UUID]) -> None:
        try:
            with self.queue.in_lane(lane, holders) as mine, self.queue.slot(mine):
                self.hashed.append(account)
        except Overloaded:
            self.refused[account] += 1

    def _is_settled(self) -> bool:
        waiting = sum(len(line.waiting) for line in self.queue._lanes.values())
        return waiting + self.refused.total() == self.arrived

    def waiting(self, lane: Lane = "open") -> Counter[str]:
        """Return how many log-ins of each account wait in the lane."""
        found = self.queue._lanes[lane].waiting
        return Counter(self.accounts[tuple(one.holders)] for one in found)  # type: ignore[arg-type]


@pytest.fixture
def queue() -> HashQueue:
    """Return a queue with one slot."""
    return HashQueue(1, {"returning": PLACES, "open": PLACES})


@pytest.fixture
def crowd(db: None, queue: HashQueue) -> Iterator[Crowd]:
    """Yield a crowd without log-ins. At the end all waiting ones are hashed."""
    with ThreadPoolExecutor(THREADS) as threads, queue.slot(Waiter("returning", ())):
        yield Crowd(queue, threads)


def customers(number: int, address: str = "192.0.2.{}") -> list[Client]:
    """Return different accounts, each at a separate address if there is a place for it."""
    return [(f"customer {n}", address.format(n)) for n in range(number)]


@pytest.mark.parametrize(
    "clients",
    [
        [("mallory", f"198.51.100.{n}") for n in range(10)],
        [(f"mallory {n}", ELSEWHERE) for n in range(10)],
        [(f"mallory {n}", f"2001:db8:1:2::{n}") for n in range(10)],
        [(f"mallory {n}", f"2001:db8:1:{n}::1") for n in range(10)],
    ],
    ids=["account", "IPv4 address", "IPv6 /64", "IPv6 /48"],
)
def test_an_account_or_network_has_all_places_until_others_wait(
    crowd: Crowd, clients: list[Client]
) -> None:
    crowd.arrive(clients)
    assert crowd.waiting().total() == PLACES
    others = customers(PLACES - 1)
    crowd.arrive(others)
    assert all(crowd.waiting()[account] == 1 for account, _ in others)
    assert crowd.waiting().total() == PLACES


def test_three_accounts_from_three_addresses_leave_places_for_other_customers(
    crowd: Crowd,
) -> None:
    crowd.arrive((f"mallory {n % 3}", f"198.51.100.{n % 3}") for n in range(30))
    assert crowd.waiting().total() == PLACES
    crowd.arrive(customers(4))
    assert not crowd.refused.keys() & {account for account, _ in customers(4)}


def test_the_last_log_in_of_the_largest_holder_loses_its_place(crowd: Crowd) -> None:
    crowd.arrive([("anna", HERE), *[("mallory", ELSEWHERE)] * 7, ("bert", "192.0.2.1")])
    assert crowd.waiting() == {"anna": 1, "mallory": 6, "bert": 1}
    assert list(crowd.queue._lanes["open"].waiting)[-1].holders == bert(crowd)
    crowd.arrive([("mallory", ELSEWHERE)])
    assert crowd.waiting() == {"anna": 1, "mallory": 6, "bert": 1}


def bert(crowd: Crowd) -> list[UUID]:
    """Return the keys of his account and networks."""
    return next(list(keys) for keys, account in crowd.accounts.items() if account == "bert")


def test_different_customers_fill_all_places_and_keep_them(crowd: Crowd) -> None:
    crowd.arrive(customers(20))
    assert crowd.waiting() == Counter(account for account, _ in customers(PLACES))


def test_customers_who_return_have_equal_shares_of_their_lane(crowd: Crowd) -> None:
    crowd.arrive([("mallory", ELSEWHERE)] * 12, proof="token")
    assert crowd.waiting("returning") == {"mallory": PLACES}
    crowd.arrive(customers(PLACES - 1), proof="token")
    assert all(crowd.waiting("returning")[account] == 1 for account, _ in customers(PLACES - 1))


def test_registrations_and_log_ins_from_one_address_have_one_share(crowd: Crowd) -> None:
    crowd.arrive([(f"mallory {n}", ELSEWHERE) for n in range(PLACES)], action="register")
    crowd.arrive([("bert", ELSEWHERE)])
    assert crowd.refused == {"bert": 1}
    crowd.arrive(customers(PLACES - 1), action="register")
    assert not crowd.refused.keys() & {account for account, _ in customers(PLACES - 1)}


def test_the_holder_of_the_fewest_places_is_hashed_first(db: None, queue: HashQueue) -> None:
    with ThreadPoolExecutor(THREADS) as threads, queue.slot(Waiter("returning", ())):
        crowd = Crowd(queue, threads)
        crowd.arrive([("mallory", ELSEWHERE)] * 3 + customers(2))
    first, last = customers(2)
    assert crowd.hashed[:2] == [first[0], last[0]]


def test_released_places_leave_no_holders(db: None, queue: HashQueue) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        with queue.slot(Waiter("returning", ())):
            crowd = Crowd(queue, threads)
            crowd.arrive([("mallory", ELSEWHERE)] * 12 + customers(5))
        assert wait_until(lambda: queue._lanes["open"].places == PLACES)
    assert crowd.refused == {"mallory": 9}
    assert not queue._lanes["open"].held
    assert queue._free == 1
