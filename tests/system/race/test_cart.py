"""One cart filled on several phones: no phone overwrites lines that it did not see, and no sets of
lines are mixed. The guards are those of tests/system/race/test_drafts.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest

from larder.orders.models import Order
from larder.orders.services.drafts import CartVersion
from tests.system.race.phones import PHONES, Phone, codes
from tests.system.race.shops import OK, Answer, ServiceShop, at_once

MakeProduct = Callable[..., int]

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Put:
    """What was answered to phones that put a set each, and what is in the cart then."""

    sets: list[dict[int, int]]
    answers: list[Answer]
    units: dict[int, int]


def put_at_once(phone: Phone, products: list[int], *, as_seen: bool) -> Put:
    """Each phone puts another set of lines: a product that none of the others puts, and jam."""
    jam, *others = products
    phone.put((jam, 99))
    seen = phone.seen() if as_seen else None
    sets = [{jam: number + 1, other: 1} for number, other in enumerate(others)]
    tasks = [partial(phone.put, *one.items(), expected=seen) for one in sets]
    return Put(sets, at_once(ServiceShop(), tasks), phone.units())


def check_put_as_seen(outcome: Put) -> None:
    """One set was put; the other phones got the answer that the cart has changed."""
    assert codes(outcome.answers) == {OK: 1, "precondition_failed": len(outcome.sets) - 1}
    assert outcome.units == outcome.sets[[one.code for one in outcome.answers].index(OK)]


def check_put(outcome: Put) -> None:
    """One set after the other, and the last of them whole."""
    assert codes(outcome.answers) == {OK: len(outcome.sets)}
    assert outcome.units in outcome.sets


def test_one_of_several_phones_with_the_same_etag_puts_its_lines(
    phone: Callable[[], Phone], product: MakeProduct
) -> None:
    products = [product() for _ in range(PHONES)]
    for _ in range(3):
        check_put_as_seen(put_at_once(phone(), products, as_seen=True))


def test_concurrent_sets_of_lines_without_an_etag_are_not_mixed(
    phone: Callable[[], Phone], product: MakeProduct
) -> None:
    products = [product() for _ in range(PHONES)]
    for _ in range(3):
        check_put(put_at_once(phone(), products, as_seen=False))


def test_concurrent_first_lines_begin_one_cart(
    phone: Callable[[], Phone], product: MakeProduct
) -> None:
    one, products = phone(), [product() for _ in range(PHONES)]
    nothing = [partial(one.put, (each, 1), expected=CartVersion(None, 0)) for each in products]
    assert codes(at_once(ServiceShop(), nothing)) == {OK: 1, "precondition_failed": PHONES - 1}
    assert (len(one.units()), Order.objects.count()) == (1, 1)


def test_phones_with_the_etag_of_no_cart_begin_one_cart_in_total(
    phone: Callable[[], Phone], product: MakeProduct
) -> None:
    for _ in range(3):
        one, products = phone(), [product() for _ in range(PHONES)]
        tasks: list[Callable[[], Answer | None]] = [
            *(partial(one.put, (each, 1), expected=CartVersion(None, 0)) for each in products),
            *([partial(_end_often, end) for end in (one.delete, one.submit)] * (PHONES // 4)),
        ]
        answers = at_once(ServiceShop(), tasks)
        begun = [answer for answer in answers if answer is not None]
        assert codes(begun) == {OK: 1, "precondition_failed": PHONES - 1}


def _end_often(end: Callable[[], Answer]) -> None:
    for _ in range(5):
        end()


def put_and_add(phone: Phone, jam: int) -> tuple[list[Answer], int]:
    """Half of the phones set a hundred units, the others add one each, as contract 4 does."""
    phone.put((jam, 1))
    phone.put()
    tasks = [partial(phone.put_one, jam, 100), partial(phone.add, jam)] * (PHONES // 2)
    return at_once(ServiceShop(), tasks), phone.units()[jam]


def check_added(outcome: tuple[list[Answer], int]) -> None:
    """Units added after the last hundred was set are there, and those before it are not."""
    answers, units = outcome
    assert codes(answers) == {OK: PHONES}
    assert 100 <= units <= 100 + PHONES // 2


def test_a_line_and_a_concurrent_unit_are_stored_one_after_the_other(
    phone: Callable[[], Phone], product: MakeProduct
) -> None:
    jam = product()
    for _ in range(3):
        check_added(put_and_add(phone(), jam))
