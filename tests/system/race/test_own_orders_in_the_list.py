"""A list page may be 100 ms old. After an order, its customer gets a current one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Server

ROUNDS = 5
Processes = tuple[Server, Server]
MakeProcesses = Callable[[str], Processes]


@pytest.fixture
def processes_without(transactional_db: None, tmp_path: Path) -> Iterator[MakeProcesses]:
    """Starts two servers of one process each that share a folder, like processes of one server.

    So the test, and not the kernel, chooses which process answers. The argument names the guard to
    remove. In both processes a page is recent enough for an hour, on a busy machine too.
    """
    with ExitStack() as running:

        def start(guard: str) -> Processes:
            options = {"SHARED_DIR": str(tmp_path), "WITHOUT": guard}
            entry = "tests.system.race.unguarded:application"
            one, other = (
                running.enter_context(Server(workers=1, application=entry, environment=options))
                for _ in range(2)
            )
            return one, other

        yield start


def outdated(processes: Processes, who: Person, jam: int) -> int:
    """Returns how often one process lists what was in stock before the customer's last order, which
    another process placed."""
    token, outdated = token_for(who), 0

    def listed(server: Server) -> int:
        (row,) = server.call("GET", "products", token=token).body["results"]
        return int(row["quantity"])

    body = {"lines": [{"product": jam, "quantity": 1}]}
    for _ in range(ROUNDS):
        for one, other in (processes, processes[::-1]):
            before = listed(one)
            assert other.call("POST", "orders", body, token=token).status == 201
            outdated += listed(one) != before - 1
    return outdated


def test_a_customer_sees_the_stock_after_the_own_order_in_every_process(
    processes_without: MakeProcesses, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    processes = processes_without("lag of lists")
    assert outdated(processes, person(), product(stock=2 * ROUNDS)) == 0


def test_without_the_read_your_writes_table_customers_see_outdated_stock(
    processes_without: MakeProcesses, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    processes = processes_without("write times")
    assert outdated(processes, person(), product(stock=2 * ROUNDS)) == 2 * ROUNDS
