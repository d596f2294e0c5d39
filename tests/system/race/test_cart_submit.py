"""One cart submitted on several phones becomes one order, with a set of lines of one client.

In addition to the guards of tests/system/race/test_drafts.py, the key is claimed before the cart
is read, and the job that deletes unchanged carts takes a lock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

import pytest

from larder.ops.books.invariants import check
from larder.orders import queries
from larder.orders.services.expire_drafts import KEPT, expire_drafts
from tests.conftest import Person
from tests.system.race.books import assert_agree, shelf
from tests.system.race.phones import PHONES, Phone, codes
from tests.system.race.shops import OK, Answer, ServiceShop, answered, at_once

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Submitted:
    """What was answered to the phones that submitted one cart, and what that took."""

    jam: int
    answers: list[Answer]
    taken: int


def submit_at_once(phone: Phone, jam: int, key: str | None = None) -> Submitted:
    """All phones submit a cart of two units."""
    phone.put((jam, 2))
    before = shelf(jam).available
    answers = at_once(ServiceShop(), [partial(phone.submit, key)] * PHONES)
    return Submitted(jam, answers, before - shelf(jam).available)


def check_placed_once(outcome: Submitted) -> None:
    """One phone placed it; for the others there was no cart."""
    assert codes(outcome.answers) == {OK: 1, "cart_empty": PHONES - 1}
    assert outcome.taken == 2
    assert_agree([outcome.jam])


def test_concurrent_submissions_of_a_cart_place_one_order(
    phone: Callable[[], Phone], product: MakeProduct
) -> None:
    for _ in range(3):
        check_placed_once(submit_at_once(phone(), product(stock=50)))
    assert not check().violated


def check_answered_alike(outcome: Submitted) -> None:
    """All phones got the one order as the answer, and only the first made it."""
    assert codes(outcome.answers) == {OK: PHONES}
    assert len({answer.content for answer in outcome.answers}) == 1
    assert sum(not answer.replayed for answer in outcome.answers) == 1
    assert outcome.taken == 2


def test_concurrent_submissions_with_one_key_get_the_same_answer(
    phone: Callable[[], Phone], product: MakeProduct
) -> None:
    for _ in range(3):
        check_answered_alike(submit_at_once(phone(), product(stock=50), "k"))


@dataclass
class Shopping:
    """Sets put while others submit: what was answered, and the sets that were ordered."""

    jam: int
    tea: int
    answers: list[Answer]
    ordered: list[dict[int, int]]


def put_and_submit(phone: Phone, jam: int, tea: int) -> Shopping:
    """Some phones put two units of jam, or three of tea; others submit whatever is there."""

    def put(product: int, units: int) -> list[Answer]:
        return [phone.put((product, units)) for _ in range(3)]

    def submit() -> list[Answer]:
        return [do() for _ in range(3) for do in (partial(phone.put, (jam, 2)), phone.submit)]

    tasks: list[Callable[[], list[Answer]]] = [partial(put, jam, 2), partial(put, tea, 3), submit]
    own = at_once(ServiceShop(), tasks * 4)
    answers = [answer for one in own for answer in one]
    placed = [answer.content for answer in answers if isinstance(answer.content, UUID)]
    ordered = [
        {line.product: line.quantity for line in order.lines}
        for order in queries.orders(placed).values()
    ]
    return Shopping(jam, tea, answers, ordered)


def check_shopping(outcome: Shopping) -> None:
    """Every order has one whole set, and what is ordered left the shelf."""
    assert codes(outcome.answers).keys() <= {OK, "cart_empty"}
    assert outcome.ordered
    assert all(one in ({outcome.jam: 2}, {outcome.tea: 3}) for one in outcome.ordered)
    assert_agree([outcome.jam, outcome.tea])


def test_lines_put_during_a_submission_are_ordered_completely_or_stay(
    phone: Callable[[], Phone], product: MakeProduct
) -> None:
    for _ in range(3):
        check_shopping(put_and_submit(phone(), product(stock=99), product(stock=99)))


@dataclass
class Deleted:
    """What was answered to phones of which some submit and some delete, or a job does."""

    jam: int
    submitted: list[Answer]
    deleted: list[Answer]


def check_deleted(outcome: Deleted) -> None:
    """Each cart was placed or deleted, and what was placed has its lines."""
    assert codes(outcome.submitted).keys() <= {OK, "cart_empty"}
    assert codes(outcome.deleted).keys() == {OK}
    assert shelf(outcome.jam).sold == 2 * codes(outcome.submitted)[OK]
    assert_agree([outcome.jam])


def delete_and_submit(phones: list[Phone], jam: int) -> Deleted:
    """Each of the customers submits and deletes at once."""
    for phone in phones:
        phone.put((jam, 2))
    tasks = [task for phone in phones for task in (phone.submit, phone.delete)]
    answers = at_once(ServiceShop(), tasks)
    return Deleted(jam, answers[::2], answers[1::2])


def test_a_cart_is_either_deleted_or_submitted(
    phone: Callable[[], Phone], product: MakeProduct
) -> None:
    for _ in range(3):
        check_deleted(delete_and_submit([phone() for _ in range(6)], product(stock=99)))
    assert not check().violated


def expire_and_submit(phones: list[Phone], jam: int, now: datetime) -> Deleted:
    """Each of the customers submits a cart of long ago, while a job deletes those."""
    for phone in phones:
        phone.put((jam, 2))

    def expire() -> Answer:
        return answered(lambda: Answer(OK, expire_drafts(now=now + 2 * KEPT, limit=4)))

    answers = at_once(ServiceShop(), [expire, expire, *(phone.submit for phone in phones)])
    return Deleted(jam, answers[2:], answers[:2])


def test_no_cart_expires_while_it_is_submitted(
    phone: Callable[[], Phone], product: MakeProduct, now: datetime
) -> None:
    for _ in range(3):
        phones = [phone() for _ in range(6)]
        check_deleted(expire_and_submit(phones, product(stock=99), now))
    assert not check().violated
