"""Concurrent attempts at two servers are accepted exactly up to the limit."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic
from uuid import uuid4

import pytest

from larder.db import database
from larder.identity.services import rates
from larder.identity.services.rates import Bucket, Rate
from tests.conftest import Person
from tests.server import Server
from tests.system.race.control import assert_breaks
from tests.system.race.shops import OK, Answer, ServiceShop, answer_of, answered, at_once
from tests.system.race.two_servers import TwoShops

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


def test_ten_of_sixty_concurrent_guesses_at_one_account_are_checked(
    two: TwoShops, person: MakePerson
) -> None:
    for _ in range(3):
        check_account(guess_at_once(two, [person().customer.username] * 60))


def test_sixty_of_eighty_concurrent_attempts_from_one_address_are_checked(two: TwoShops) -> None:
    """Of what hashes nothing: eighty hashes at once are refused for other reasons."""
    began = monotonic()
    codes = try_at_once(two, "token/refresh", [{"refresh": f"{number}"} for number in range(80)])
    back = (monotonic() - began) // 10
    assert codes.keys() == {"token_invalid", "throttled"}
    assert 60 <= codes["token_invalid"] <= 60 + back


def take_at_once() -> int:
    """Two attempts at once, of which the limit allows one. How many passed."""
    bucket = Bucket(uuid4(), Rate(1, 3600))

    def take() -> Answer:
        return answered(lambda: Answer(OK, rates.take([bucket])))

    answers = at_once(ServiceShop(), [take] * 2)
    return sum(answer.code == OK for answer in answers)


def check_taken(passed: int) -> None:
    assert passed == 1


def test_without_the_check_under_the_lock_the_limit_is_exceeded(
    transactional_db: None, without: Callable[[str], None]
) -> None:
    check_taken(take_at_once())
    without("second look")
    assert_breaks(take_at_once, check_taken, fault=lambda passed: passed == 2, meet=2)
