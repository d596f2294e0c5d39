"""An account or a network cannot hold every place of the open lane, right passwords or wrong."""

from collections.abc import Iterable
from contextlib import ExitStack

import pytest

from larder.common.errors import Overloaded
from larder.identity import attempts, hashers
from larder.identity.attempts import Proof, attempt
from larder.identity.hashers import HashQueue

PLACES = 8
HERE, ELSEWHERE = "203.0.113.9", "198.51.100.7"


@pytest.fixture(autouse=True)
def queue(db: None, monkeypatch: pytest.MonkeyPatch) -> HashQueue:
    """Return the places of a process with 32 threads, under normal limits."""
    found = HashQueue(1, {"returning": PLACES, "open": PLACES})
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(secret="a secret of this test")])
    monkeypatch.setattr(hashers, "_queue", [found])
    return found


def admitted(held: ExitStack, clients: Iterable[tuple[str, str]], proof: Proof = "none") -> int:
    """Return how many log-ins, of an account at an address each, get a place and keep it."""
    got = 0
    for account, address in clients:
        one = attempt("log in", account=account, address=address, proof=proof)
        try:
            held.enter_context(one)
        except Overloaded:
            continue
        got += 1
    return got


def customers(number: int, address: str = "192.0.2.{}") -> list[tuple[str, str]]:
    """Return different accounts, each at an address of its own if there is a place for it."""
    return [(f"customer {n}", address.format(n)) for n in range(number)]


@pytest.mark.parametrize(
    "clients",
    [
        [("mallory", f"198.51.100.{n}") for n in range(10)],
        customers(20, ELSEWHERE),
        customers(20, "2001:db8:1:2::{}"),
        customers(20, "2001:db8:1:{}::1"),
    ],
    ids=["account", "IPv4 address", "IPv6 /64", "IPv6 /48"],
)
def test_an_account_or_a_network_alone_gets_half_of_the_places(
    clients: list[tuple[str, str]],
) -> None:
    with ExitStack() as held:
        assert admitted(held, clients) == PLACES / 2
        assert admitted(held, customers(20)) == PLACES / 2


def test_three_accounts_from_three_addresses_leave_a_place_for_another_customer() -> None:
    with ExitStack() as held:
        clients = [(f"mallory {n % 3}", f"198.51.100.{n // 10}") for n in range(30)]
        assert admitted(held, clients) < PLACES
        assert admitted(held, [("anna", HERE)]) == 1


def test_different_customers_get_all_places() -> None:
    with ExitStack() as held:
        assert admitted(held, customers(20)) == PLACES


def test_a_customer_who_returns_shares_no_places() -> None:
    with ExitStack() as held:
        assert admitted(held, [("anna", HERE)] * 5, proof="token") == 5
        assert admitted(held, [("bert", HERE)] * 3, proof="token") == 3


def test_places_are_given_back_and_their_holders_forgotten(queue: HashQueue) -> None:
    for number in range(3):
        with ExitStack() as held:
            assert admitted(held, customers(20, f"198.51.100.{number}")) == PLACES / 2
    assert not queue._lines["open"].held


def test_the_last_place_is_for_a_client_without_any() -> None:
    queue = HashQueue(1, {"returning": 1, "open": 2})
    with queue.place("open", ["anna"]):
        with pytest.raises(Overloaded), queue.place("open", ["anna"]):
            pass
        with queue.place("open", ["bert"]):
            pass
