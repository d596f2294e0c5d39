"""Many tries at once, at two servers: as many pass as the limit says, and not one more."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic

import pytest

from larder.db import database
from tests.conftest import Person
from tests.server import Server
from tests.system.race.control import assert_breaks
from tests.system.race.shops import Answer, answer_of, at_once
from tests.system.race.test_two_servers import TwoShops

MakePerson = Callable[..., Person]
LIMITED = {"RATE_LIMITS": "normal"}
# So many that no request is refused because of the hashing for others.
THREADS = 96


@pytest.fixture
def two(transactional_db: None) -> Iterator[TwoShops]:
    """Two servers of two processes, with the limits of a production."""
    with (
        Server(threads=THREADS, environment=LIMITED) as first,
        Server(threads=THREADS, environment=LIMITED) as second,
    ):
        yield TwoShops(first, second)


def guess_at_once(two: TwoShops, names: list[str]) -> Counter[str]:
    """A wrong password for each name."""
    return try_at_once(two, "token", [{"username": name, "password": "x"} for name in names])


def try_at_once(two: TwoShops, path: str, bodies: list[dict[str, str]]) -> Counter[str]:
    """Every other body at the other server; with full buckets. What was answered how often."""
    database.execute("DELETE FROM rate_limit")

    def send(server: Server, body: dict[str, str]) -> Answer:
        return answer_of(server.call("POST", f"auth/{path}", body))

    crowd = [partial(send, two.shops[n % 2].server, body) for n, body in enumerate(bodies)]
    return Counter(answer.code for answer in at_once(two, crowd))


def check_account(codes: Counter[str]) -> None:
    """Ten are let in. On a machine with too much to do some of them wait for their turn to be
    hashed until they get Retry-After, and give their try back to another."""
    assert codes["invalid_credentials"] <= 10
    assert codes["invalid_credentials"] + codes["overloaded"] >= 10
    assert codes.keys() <= {"invalid_credentials", "overloaded", "throttled"}


def test_of_sixty_guesses_at_one_account_ten_are_looked_at(
    two: TwoShops, person: MakePerson
) -> None:
    for _ in range(3):
        check_account(guess_at_once(two, [person().customer.username] * 60))


def test_of_eighty_tries_from_one_address_sixty_are_looked_at(two: TwoShops) -> None:
    """Of what hashes nothing: eighty hashes at once are refused for other reasons."""
    began = monotonic()
    codes = try_at_once(two, "token/refresh", [{"refresh": f"{number}"} for number in range(80)])
    back = (monotonic() - began) // 10
    assert codes.keys() == {"token_invalid", "throttled"}
    assert 60 <= codes["token_invalid"] <= 60 + back


def test_without_looking_again_under_the_lock_more_are_let_in(
    transactional_db: None, person: MakePerson
) -> None:
    entry, options = "tests.system.race.unguarded:application", LIMITED | {"WITHOUT": "second look"}
    with (
        Server(threads=THREADS, environment=options, application=entry) as first,
        Server(threads=THREADS, environment=options, application=entry) as second,
    ):
        two, name = TwoShops(first, second), person().customer.username
        assert_breaks(
            lambda: guess_at_once(two, [name] * 60),
            check_account,
            fault=lambda codes: codes["invalid_credentials"] > 10,
        )
