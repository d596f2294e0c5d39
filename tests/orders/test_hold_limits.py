"""How many orders, and units, a customer may hold."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from larder.identity.services import quotas
from larder.identity.services.quotas import QuotaExceeded
from larder.inventory.errors import InsufficientStock
from larder.orders.errors import HoldTooLarge, TooManyHolds
from larder.orders.services import moves
from larder.orders.services.placing.placement import Placed, Terms
from tests.conftest import Person
from tests.orders.holding import (
    GBP,
    SECONDS,
    WITH_BOOKS,
    MakePerson,
    MakeProduct,
    balance,
    confirm,
    held_by,
    hold,
    order,
    pass_seconds,
    request,
)
from tests.orders.placing import place_orders

pytestmark = WITH_BOOKS


def test_the_open_holds_of_a_customer_are_limited_also_within_a_batch(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam, who, two = product(stock=9), person(), Terms(currency="GBP", most_holds=2)
    asked = [held_by(who, (jam, 1)) for _ in range(3)]
    found = place_orders(asked, terms=two, now=datetime.now(UTC))
    assert [isinstance(one, Placed) for one in found] == [True, True, False]
    assert isinstance(found[2], TooManyHolds)
    assert balance(jam) == (7, 2)
    with pytest.raises(TooManyHolds):
        hold(who, (jam, 1), terms=two)
    ids = [one.order.id for one in found if isinstance(one, Placed)]
    confirm(clerk, ids[0])
    hold(who, (jam, 1), terms=two)
    with pytest.raises(TooManyHolds):
        hold(who, (jam, 1), terms=two)
    pass_seconds(SECONDS, [ids[1]])
    hold(who, (jam, 1), terms=two)


@pytest.fixture
def few() -> Iterator[None]:
    """Three holds and ten units in an hour."""
    before = dict(quotas._limits)
    quotas.use(before | {"holds": quotas.parse("3/hour"), "held_units": quotas.parse("10/hour")})
    yield
    quotas.use(before)


def test_holds_take_from_their_quotas_and_plain_orders_do_not(
    few: None, person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    """Cancelled holds count too: otherwise a client could hold again and again."""
    jam, who = product(stock=90), person()
    for _ in range(3):
        moves.cancel_order(request(clerk.caller, hold(who, (jam, 1)).id))
    with pytest.raises(QuotaExceeded) as refused:
        hold(who, (jam, 1))
    assert refused.value.remaining.name == "holds"
    assert order(who, (jam, 50)).status == "placed"


def test_units_are_limited_and_refused_orders_take_none(
    few: None, person: MakePerson, product: MakeProduct
) -> None:
    jam, tea, who = product(stock=90), product(stock=1), person()
    for _ in range(5):
        # Refused for its stock: takes nothing, and gives back nothing more than it took.
        with pytest.raises(InsufficientStock):
            hold(who, (tea, 8))
    hold(who, (jam, 6))
    with pytest.raises(QuotaExceeded) as refused:
        hold(who, (jam, 6))
    assert refused.value.remaining.name == "held_units"
    hold(who, (jam, 4))
    with pytest.raises(QuotaExceeded):
        hold(who, (jam, 1))


def test_an_order_larger_than_the_quota_is_refused_and_takes_none_of_it(
    few: None, person: MakePerson, product: MakeProduct
) -> None:
    jam, tea, who = product(stock=90), product(stock=90), person()
    sizes = [[(jam, 6), (tea, 5)], [(jam, 91)], [(jam, 10)]]
    asked = [held_by(who, *lines) for lines in sizes]
    large, short, full = place_orders(asked, terms=GBP, now=datetime.now(UTC))
    assert isinstance(large, HoldTooLarge)
    assert (large.limit, large.requested, large.others) == (10, 11, ())
    assert isinstance(short, HoldTooLarge)
    assert [one.code for one in short.all] == ["hold_too_large", "insufficient_stock"]
    assert isinstance(full, Placed)
    assert (balance(jam), balance(tea)) == ((80, 10), (90, 0))


def test_a_refused_hold_of_a_batch_uses_no_units_and_no_quota(
    few: None, person: MakePerson, product: MakeProduct
) -> None:
    jam, tea, who = product(stock=90), product(stock=1), person()
    two = Terms(currency="GBP", most_holds=2)
    short, over = InsufficientStock.code, QuotaExceeded.code
    for sizes, codes in (
        # An order without stock takes none of the ten units.
        ([(tea, 9), (jam, 9), (tea, 9)], [short, "placed", over]),
        # Three holds in an hour, and two at once: one of each is left, and one unit.
        ([(tea, 2), (tea, 2), (jam, 2), (jam, 1)], [over, over, over, "placed"]),
    ):
        asked = [held_by(who, one) for one in sizes]
        found = place_orders(asked, terms=two, now=datetime.now(UTC))
        assert [getattr(one, "code", "placed") for one in found] == codes


def test_quotas_are_shared_by_the_orders_of_a_batch(
    few: None, person: MakePerson, product: MakeProduct
) -> None:
    jam, tea, who = product(stock=90), product(stock=1), person()
    sizes = [(jam, 6), (jam, 6), (tea, 2), (jam, 2), (jam, 1)]
    asked = [held_by(who, one) for one in sizes]
    found = place_orders(asked, terms=GBP, now=datetime.now(UTC))
    codes = [getattr(one, "code", "placed") for one in found]
    assert codes == ["placed", "quota_exceeded", "insufficient_stock", "placed", "placed"]
    # One unit is left, but no hold.
    with pytest.raises(QuotaExceeded) as refused:
        hold(who, (jam, 1))
    assert refused.value.remaining.name == "holds"
