"""Too many tries, as the earlier contracts say it: on two servers that share nothing else than
the database."""

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle

import pytest

from tests.conftest import Person
from tests.server import Reply, Server

pytestmark = pytest.mark.system

MakePerson = Callable[..., Person]
LIMITED = {"COMPAT": "0,1,2,3,4", "RATE_LIMITS": "normal", "THREADS": "48"}
WRONG = "not the right one"


@pytest.fixture(scope="module")
def two_of_module(django_db_setup: None) -> Iterator[tuple[Server, Server]]:
    """Two servers of two processes, with the limits of a production."""
    with (
        Server(workers=2, threads=48, environment=LIMITED) as one,
        Server(workers=2, threads=48, environment=LIMITED) as other,
    ):
        yield one, other


@pytest.fixture
def ask(
    transactional_db: None, two_of_module: tuple[Server, Server]
) -> Iterator[Callable[..., Reply]]:
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


@pytest.mark.parametrize(
    ("path", "refused"), [("/auth/", 400), ("/api/token/", 401), ("/api/identity/token/", 401)]
)
def test_ten_wrong_passwords_at_any_of_the_doors(
    path: str, refused: int, ask: Callable[..., Reply], person: MakePerson
) -> None:
    who = person()
    body = {"username": who.customer.username, "password": WRONG}
    for _ in range(10):
        assert ask("POST", path, body).status == refused
    assert_throttled(ask("POST", path, body | {"password": who.password}))
    problem = ask("POST", "auth/token", body)
    assert (problem.status, problem.body["code"]) == (429, "throttled")


@pytest.mark.parametrize("path", ["/token/", "/orders/"])
def test_passwords_in_a_header_are_counted_as_well(
    path: str, ask: Callable[..., Reply], person: MakePerson
) -> None:
    who = person()

    def by(password: str) -> Reply:
        pair = b64encode(f"{who.customer.username}:{password}".encode()).decode()
        return ask("GET", path, headers={"Authorization": f"Basic {pair}"})

    assert {by(who.password).status for _ in range(15)} == {200}
    assert {by(WRONG).status for _ in range(10)} == {401}
    assert_throttled(by(WRONG))


@pytest.mark.parametrize("path", ["/api/token/refresh/", "/api/identity/token/refresh/"])
def test_what_is_no_refresh_token_counts_for_the_address(
    path: str, ask: Callable[..., Reply]
) -> None:
    answers = [ask("POST", path, {"refresh": "nonsense"}) for _ in range(75)]
    assert {answer.status for answer in answers[:60]} == {401}
    assert_throttled(answers[-1])


def test_one_name_is_registered_ten_times_in_ten_minutes(ask: Callable[..., Reply]) -> None:
    secret = "a rather good one"
    named = {"name": "Anna", "password": secret}
    other = {"username": "ANNA", "email": "anna@example.com"}
    other |= dict.fromkeys(("password", "password2"), secret)
    answers = [ask("POST", "/api/register/", named) for _ in range(6)]
    answers += [ask("POST", "/api/identity/register/", other) for _ in range(4)]
    assert Counter(answer.status for answer in answers) == {201: 1, 400: 9}
    assert_throttled(ask("POST", "/api/register/", named))
    assert_throttled(ask("POST", "/api/identity/register/", other))
