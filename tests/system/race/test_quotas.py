"""Many orders of one customer at once, at two servers: as many are placed as the quota says."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from larder.db import database
from larder.orders.models import Order
from tests.conftest import Person
from tests.server import Server
from tests.system.race.control import assert_breaks
from tests.system.race.shops import OK
from tests.system.race.test_two_servers import TwoShops, place_all

MakePerson = Callable[..., Person]
QUOTA = 20
LIMITED = {"QUOTA_ORDERS": f"{QUOTA}/hour"}


@contextmanager
def two_shops(**options: str) -> Iterator[TwoShops]:
    """Two servers of two processes each."""
    entry = options.pop("application", "config.wsgi:application")
    environment = LIMITED | options
    with (
        Server(workers=2, environment=environment, application=entry) as first,
        Server(workers=2, environment=environment, application=entry) as second,
    ):
        yield TwoShops(first, second)


def order_at_once(two: TwoShops, who: Person, product: int) -> Counter[str]:
    """Sixty orders of a customer who has not ordered yet. What was answered how often."""
    database.execute("DELETE FROM rate_limit")
    before = Order.objects.count()
    codes = Counter(answer.code for answer in place_all(two, who, [[(product, 1)]] * 60))
    assert Order.objects.count() - before == codes[OK]
    return codes


def check(codes: Counter[str]) -> None:
    assert codes == {OK: QUOTA, "quota_exceeded": 60 - QUOTA}


def test_of_sixty_orders_at_once_as_many_are_placed_as_the_quota_says(
    transactional_db: None, person: MakePerson, product: Callable[..., int]
) -> None:
    jam = product(stock=999)
    with two_shops() as two:
        for _ in range(3):
            check(order_at_once(two, person(), jam))


def test_without_looking_again_under_the_lock_more_are_placed(
    transactional_db: None, person: MakePerson, product: Callable[..., int]
) -> None:
    entry = {"application": "tests.system.race.unguarded:application", "WITHOUT": "quota held"}
    jam, who = product(stock=9999), person()
    with two_shops(**entry) as two:
        assert_breaks(
            lambda: order_at_once(two, who, jam), check, fault=lambda codes: codes[OK] > QUOTA
        )
