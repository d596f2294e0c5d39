"""Many tries at once, at two servers: as many pass as the limit says, and not one more."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic

import pytest

from larder.common import database
from tests.conftest import Person
from tests.race.control import assert_breaks
from tests.race.shops import Answer, at_once, told
from tests.race.test_two_servers import TwoShops
from tests.server import Server

MakePerson = Callable[..., Person]
LIMITED = {"RATE_LIMITS": "normal"}
# So many that nobody is refused because others' passwords are being looked at.
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
    """A wrong password for each name, every other at the other server; with full buckets."""
    database.execute("DELETE FROM rate_limit")

    def guess(server: Server, name: str) -> Answer:
        return told(server.call("POST", "auth/token", {"username": name, "password": "x"}))

    crowd = [partial(guess, two.doors[n % 2].server, name) for n, name in enumerate(names)]
    return Counter(answer.code for answer in at_once(two, crowd))


def check_account(codes: Counter[str]) -> None:
    assert codes == {"invalid_credentials": 10, "throttled": 50}


def test_of_sixty_guesses_at_one_account_ten_are_looked_at(
    two: TwoShops, person: MakePerson
) -> None:
    for _ in range(3):
        check_account(guess_at_once(two, [person().customer.username] * 60))


def test_of_eighty_guesses_from_one_address_sixty_are_looked_at(two: TwoShops) -> None:
    began = monotonic()
    codes = guess_at_once(two, [f"nobody {number}" for number in range(80)])
    back = (monotonic() - began) // 10
    assert codes.keys() == {"invalid_credentials", "throttled"}
    assert 60 <= codes["invalid_credentials"] <= 60 + back


def test_without_looking_again_under_the_lock_more_are_let_in(
    transactional_db: None, person: MakePerson
) -> None:
    entry, options = "tests.race.unguarded:application", LIMITED | {"WITHOUT": "second look"}
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
