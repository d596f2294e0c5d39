"""One cart on several phones: no unit is lost, no set of lines is mixed, no cart is placed twice.

The guards are the lock of the customer's row, the check of its version under that lock, and that
the job which deletes unchanged carts takes the lock too.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

import pytest

from larder.ops.books.invariants import check
from larder.orders import queries
from larder.orders.queries.carts import CartVersion
from larder.orders.services.cart import KEPT, ensure_cart, expire_carts
from tests.conftest import Person
from tests.system.race.books import assert_agree, shelf
from tests.system.race.phones import PHONES, Phone, codes
from tests.system.race.shops import OK, Answer, ServiceShop, answered, at_once

MakePhone = Callable[[], Phone]
MakeProduct = Callable[..., int]
SHOP = ServiceShop()

pytestmark = pytest.mark.django_db(transaction=True)


def test_concurrent_sets_of_lines_without_an_etag_are_not_mixed(
    phone: MakePhone, product: MakeProduct
) -> None:
    """Each phone puts a product that none of the others puts, and jam."""
    jam, *others = [product() for _ in range(PHONES)]
    sets = [{jam: number + 1, other: 1} for number, other in enumerate(others)]
    for _ in range(3):
        customer = phone()
        customer.put((jam, 99))
        answers = at_once(SHOP, [partial(customer.put, *lines.items()) for lines in sets])
        assert codes(answers) == {OK: len(sets)}
        assert customer.units() in sets


def test_concurrent_first_units_fill_one_cart(phone: MakePhone, product: MakeProduct) -> None:
    for _ in range(3):
        customer, jam, tea = phone(), product(), product()
        answers = at_once(SHOP, [partial(customer.add, jam), partial(customer.add, tea)] * 8)
        assert codes(answers) == {OK: 16}
        assert len({answer.content for answer in answers}) == 1
        assert customer.units() == {jam: 8, tea: 8}


def test_concurrent_requests_create_one_cart(phone: MakePhone) -> None:
    customer = phone()

    def open_cart() -> UUID:
        return ensure_cart(customer.who.id, now=customer.now)

    assert len(set(at_once(SHOP, [open_cart] * 16))) == 1


def test_concurrent_removals_take_no_more_units_than_the_cart_has(
    phone: MakePhone, product: MakeProduct
) -> None:
    customer, jam = phone(), product()
    for _ in range(10):
        customer.add(jam)
    answers = at_once(SHOP, [partial(customer.remove, jam)] * 16)
    assert codes(answers) == {OK: 10, "not_in_cart": 6}
    assert customer.units() == {}
    assert customer.seen().version == 21


def test_phones_with_the_etag_of_no_cart_begin_one_cart_in_total(
    phone: MakePhone, product: MakeProduct
) -> None:
    """Also when that cart is deleted and submitted meanwhile."""
    for _ in range(3):
        customer, products = phone(), [product() for _ in range(PHONES)]

        def end_often(end: Callable[[], Answer]) -> None:
            for _ in range(5):
                end()

        no_cart = CartVersion(None, 0)
        tasks: list[Callable[[], Answer | None]] = [
            *(partial(customer.put, (each, 1), expected=no_cart) for each in products),
            *([partial(end_often, end) for end in (customer.delete, customer.submit)] * 3),
        ]
        begun = [answer for answer in at_once(SHOP, tasks) if answer is not None]
        assert codes(begun) == {OK: 1, "precondition_failed": PHONES - 1}


def test_a_line_and_a_concurrent_unit_are_stored_one_after_the_other(
    phone: MakePhone, product: MakeProduct
) -> None:
    """Half of the phones set a hundred units, the others add one each, as contract 4 does. Units
    added after the last hundred was set are there, and those before it are not."""
    jam = product()
    for _ in range(3):
        customer = phone()
        customer.put((jam, 1))
        customer.put()
        tasks = [partial(customer.put_one, jam, 100), partial(customer.add, jam)] * (PHONES // 2)
        assert codes(at_once(SHOP, tasks)) == {OK: PHONES}
        assert 100 <= customer.units()[jam] <= 100 + PHONES // 2


@pytest.mark.parametrize("key", [None, "one key"])
def test_concurrent_submissions_of_a_cart_place_one_order(
    key: str | None, phone: MakePhone, product: MakeProduct
) -> None:
    """With a key, all phones get the order as the answer; without it, there is no cart for the
    others."""
    for _ in range(3):
        customer, jam = phone(), product(stock=50)
        customer.put((jam, 2))
        answers = at_once(SHOP, [partial(customer.submit, key)] * PHONES)
        placed = [answer for answer in answers if answer.code == OK]
        assert [answer.replayed for answer in placed].count(False) == 1
        assert len({answer.content for answer in placed}) == 1
        if key:
            assert codes(answers) == {OK: PHONES}
        else:
            assert codes(answers) == {OK: 1, "cart_empty": PHONES - 1}
        assert shelf(jam).sold == 2
        assert_agree([jam])
    assert not check().violated


def test_lines_put_during_a_submission_are_ordered_completely_or_stay(
    phone: MakePhone, product: MakeProduct
) -> None:
    """Phones put one of two sets and submit, again and again."""
    for _ in range(3):
        customer, jam, tea = phone(), product(stock=99), product(stock=99)
        customer.put((jam, 2))

        def put(*lines: tuple[int, int], customer: Phone = customer) -> list[Answer]:
            return [customer.put(*lines) for _ in range(4)]

        def submit(customer: Phone = customer) -> list[Answer]:
            return [customer.submit() for _ in range(4)]

        puts = [partial(put, (jam, 2)), partial(put, (tea, 3))]
        tasks: list[Callable[[], list[Answer]]] = [*puts, submit]
        answers = [answer for own in at_once(SHOP, tasks * 4) for answer in own]
        assert codes(answers).keys() <= {OK, "cart_empty"}
        placed = queries.orders([one.content for one in answers if isinstance(one.content, UUID)])
        assert placed
        for order in placed.values():
            lines = {line.product: line.quantity for line in order.lines}
            assert lines in ({jam: 2}, {tea: 3})
        assert_agree([jam, tea])


@pytest.mark.parametrize("by", ["its owner", "the job"])
def test_a_cart_is_either_deleted_or_submitted(
    by: str, phone: MakePhone, product: MakeProduct, now: datetime
) -> None:
    for _ in range(3):
        jam, phones = product(stock=99), [phone() for _ in range(6)]
        for customer in phones:
            customer.put((jam, 2))

        def expire() -> Answer:
            return answered(lambda: Answer(OK, expire_carts(now=now + 2 * KEPT, limit=4)))

        deletions = [customer.delete for customer in phones] if by == "its owner" else [expire] * 2
        answers = at_once(SHOP, [*(customer.submit for customer in phones), *deletions])
        submitted, deleted = answers[:6], answers[6:]
        assert codes(deleted).keys() == {OK}
        assert codes(submitted).keys() <= {OK, "cart_empty"}
        assert shelf(jam).sold == 2 * codes(submitted)[OK]
        assert_agree([jam])
    assert not check().violated


def test_one_of_several_carts_with_the_last_unit_is_placed(
    person: Callable[..., Person], product: MakeProduct, now: datetime
) -> None:
    jam, tea = product(stock=1), product(stock=99)
    phones = [Phone(person(), now) for _ in range(16)]
    for number, customer in enumerate(phones):
        customer.put(*[(jam, 1), (tea, 1)][:: -1 if number % 2 else 1])
    answers = at_once(SHOP, [customer.submit for customer in phones])
    assert codes(answers) == {OK: 1, "insufficient_stock": 15}
    assert (shelf(jam).available, shelf(tea).available) == (0, 98)
    assert_agree([jam, tea])
