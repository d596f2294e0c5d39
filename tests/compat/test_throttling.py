"""Rate limits of the earlier contracts, on two servers that share only the database."""

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle

import pytest

from tests.compat.conftest import ALL
from tests.compat.shops import CONTRACTS, Contract, of
from tests.conftest import Person
from tests.server import Reply, Server

pytestmark = pytest.mark.system

MakePerson = Callable[..., Person]
Ask = Callable[..., Reply]
LIMITED = {"COMPAT": ALL, "RATE_LIMITS": "normal", "THREADS": "48"}
WRONG = "not the right one"


@pytest.fixture(scope="module")
def two_of_module(django_db_setup: None) -> Iterator[tuple[Server, Server]]:
    """Two servers of two processes, with the limits of a production."""
    with (
        Server(workers=2, threads=48, environment=LIMITED) as first,
        Server(workers=2, threads=48, environment=LIMITED) as other,
    ):
        yield first, other


@pytest.fixture
def ask(transactional_db: None, two_of_module: tuple[Server, Server]) -> Iterator[Ask]:
    """Every other request goes to the other server."""
    turns = cycle(two_of_module)
    yield lambda *args, **options: next(turns).call(*args, **options)
    for server in two_of_module:
        server.hang_up()


def assert_throttled(answer: Reply) -> None:
    assert answer.status == 429, answer.body
    seconds = int(answer.headers["retry-after"])
    assert 1 <= seconds <= 60
    unit = "second" if seconds == 1 else "seconds"
    said = f"Request was throttled. Expected available in {seconds} {unit}."
    assert answer.body == {"detail": said}


def passwords(ask: Ask, contract: Contract, who: Person) -> Callable[[str], Reply]:
    """Tries a password. Contract 4 takes it in a header, at any path: at one after the other."""
    paths = cycle(["/token/", "/orders/"])

    def in_header(password: str) -> Reply:
        pair = b64encode(f"{who.customer.username}:{password}".encode()).decode()
        return ask("GET", next(paths), headers={"Authorization": f"Basic {pair}"})

    def in_body(password: str) -> Reply:
        return ask("POST", contract.log_in, contract.credentials(who, password))

    return in_header if contract.name == "4" else in_body


@of("0", "1", "2", "3", "4")
def test_ten_wrong_passwords_are_counted_and_right_ones_are_not(
    contract: Contract, ask: Ask, person: MakePerson
) -> None:
    who = person()
    log_in = passwords(ask, contract, who)
    assert {log_in(who.password).status for _ in range(15)} == {200}
    assert {log_in(WRONG).status for _ in range(10)} == {contract.wrong_password}
    assert_throttled(log_in(WRONG))
    assert_throttled(log_in(who.password))
    problem = ask("POST", "auth/token", {"username": who.customer.username, "password": WRONG})
    assert (problem.status, problem.body["code"]) == (429, "throttled")


@of("1", "2")
def test_an_invalid_refresh_token_counts_for_the_address(contract: Contract, ask: Ask) -> None:
    path = f"{contract.log_in}refresh/"
    answers = [ask("POST", path, {"refresh": "nonsense"}) for _ in range(75)]
    assert {answer.status for answer in answers[:60]} == {401}
    assert_throttled(answers[-1])


def test_one_name_is_registered_ten_times_in_ten_minutes(ask: Ask) -> None:
    three, two = CONTRACTS["3"].registration("Anna"), CONTRACTS["2"].registration("ANNA")
    answers = [ask("POST", *three) for _ in range(6)] + [ask("POST", *two) for _ in range(4)]
    assert Counter(answer.status for answer in answers) == {201: 1, 400: 9}
    for call in (three, two):
        assert_throttled(ask("POST", *call))
