"""Concurrent orders of one customer at two servers are placed up to the quota."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction

from larder.db import database
from larder.identity.services import quotas
from larder.identity.services.rates import Rate
from larder.orders.models import Order
from tests.conftest import Person
from tests.server import Server
from tests.system.race.control import assert_breaks
from tests.system.race.guards import QUOTA_HELD, removal
from tests.system.race.shops import OK, Answer, ServiceShop, answered, at_once
from tests.system.race.two_servers import TwoShops, place_all

MakePerson = Callable[..., Person]
QUOTA = 20
LIMITED = {"QUOTA_ORDERS": f"{QUOTA}/hour"}


@contextmanager
def two_shops() -> Iterator[TwoShops]:
    """Two servers of two processes each."""
    with (
        Server(workers=2, environment=LIMITED) as first,
        Server(workers=2, environment=LIMITED) as second,
    ):
        yield TwoShops(first, second)


def order_at_once(two: TwoShops, who: Person, product: int) -> Counter[str]:
    """Sixty orders of a customer who has not ordered yet. What was answered how often."""
    database.execute("DELETE FROM rate_limit")
    before = Order.objects.count()
    codes = Counter(answer.code for answer in place_all(two, [who], [[(product, 1)]] * 60))
    assert Order.objects.count() - before == codes[OK]
    return codes


def check(codes: Counter[str]) -> None:
    assert codes == {OK: QUOTA, "quota_exceeded": 60 - QUOTA}


def test_exactly_the_quota_of_sixty_concurrent_orders_is_placed(
    transactional_db: None, person: MakePerson, product: Callable[..., int]
) -> None:
    jam = product(stock=999)
    with two_shops() as two:
        for _ in range(3):
            check(order_at_once(two, person(), jam))


def take_at_once(who: Person) -> int:
    """Two transactions take three quarters of the quota each. How many got them."""

    def take() -> Answer:
        def call() -> Answer:
            with transaction.atomic():
                quotas.take("orders", who.id, QUOTA * 3 // 4)
            return Answer(OK)

        return answered(call)

    answers = at_once(ServiceShop(), [take] * 2)
    return sum(answer.code == OK for answer in answers)


def check_taken(times: int) -> None:
    assert times == 1


def test_without_the_check_under_the_lock_the_quota_is_exceeded(
    transactional_db: None, person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "_limits", {"orders": Rate(QUOTA, 3600)})
    check_taken(take_at_once(person()))
    for module, name, replacement in removal(QUOTA_HELD):
        monkeypatch.setattr(module, name, replacement)
    assert_breaks(
        lambda: take_at_once(person()), check_taken, fault=lambda times: times == 2, meet=2
    )
