"""A list page may be a moment old, but not for a customer who has just ordered, in any process."""

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Server

ROUNDS = 40
MakeServer = Callable[..., Server]


@pytest.fixture
def two_processes(transactional_db: None) -> Iterator[MakeServer]:
    """A server whose processes share a folder; `without` names the guard to take out."""
    servers: list[Server] = []

    def start(without: str = "") -> Server:
        application = (
            "tests.system.race.unguarded:application" if without else "config.wsgi:application"
        )
        server = Server(application=application, environment={"WITHOUT": without})
        servers.append(server.__enter__())
        return servers[-1]

    yield start
    for one in servers:
        one.__exit__()


def lags(server: Server, who: Person, jam: int) -> int:
    """How often the list does not show what was left by one's own last order. Each request comes
    over a separate connection, and so to whichever process takes it."""
    token, behind = token_for(who), 0
    for number in range(1, ROUNDS + 1):
        for _ in range(4):
            server.call("GET", "products", token=token)
            server.hang_up()
        lines = [{"product": jam, "quantity": 1}]
        assert server.call("POST", "orders", {"lines": lines}, token=token).status == 201
        server.hang_up()
        listed = server.call("GET", "products", token=token).body["results"]
        server.hang_up()
        behind += listed[0]["quantity"] != ROUNDS - number
    return behind


def test_whoever_ordered_sees_what_is_left_whichever_process_answers(
    two_processes: MakeServer, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    assert lags(two_processes(), person(), product(stock=ROUNDS)) == 0


def test_the_control_without_the_table_of_who_wrote_they_see_the_past(
    two_processes: MakeServer, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    server = two_processes(without="write times")
    assert lags(server, person(), product(stock=ROUNDS)) > 0
