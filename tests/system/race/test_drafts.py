"""Concurrent changes of carts: no unit is lost, no cart is placed twice, and there is no deadlock.

The guards are the lock of the draft's row, the check of its status under that lock, the order in
which a batch locks drafts, and the unique index that allows one draft for each customer.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

import pytest

from larder.db import database
from larder.orders import queries
from larder.orders.services.drafts import add_unit, ensure_draft, remove_unit
from larder.orders.services.placing.placement import Placed, Placement
from tests.conftest import Person
from tests.orders.placing import place_orders
from tests.system.race.books import assert_agree, shelf
from tests.system.race.shops import GBP, OK, Answer, ServiceShop, at_once, place_apart, served

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
HANDS = 16

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True, slots=True)
class Hand:
    """A client at one of a customer's devices."""

    who: Person
    now: datetime

    def add(self, product: int) -> Answer:
        """The content is the draft's number."""
        return served(
            lambda: Answer(OK, add_unit(self.who.id, product, currency="GBP", now=self.now))
        )

    def remove(self, product: int) -> Answer:
        """The content is the draft's number."""
        return served(lambda: Answer(OK, remove_unit(self.who.id, product, now=self.now)))

    def open(self) -> UUID:
        """The id of the draft."""
        return ensure_draft(self.who.id, currency="GBP", now=self.now)

    def placing(self, draft: UUID) -> Placement:
        """What places a draft."""
        actor = self.who.customer.public_id
        return Placement(customer=self.who.id, actor=actor, lines=[], draft=draft)

    def submit(self, draft: UUID | None = None) -> Answer:
        """The content is the order."""
        asked = self.placing(draft or self.open())
        return served(lambda: Answer(OK, place_apart(asked, now=self.now).order))


def codes(answers: Sequence[Answer]) -> Counter[str]:
    """How often each code was answered."""
    return Counter(answer.code for answer in answers)


@dataclass
class Filled:
    """The answers to requests that added a unit, and the number of drafts afterwards."""

    answers: list[Answer]
    drafts: int
    units: dict[int, int]


def fill(hand: Hand, jam: int, tea: int) -> Filled:
    """A unit by every hand, half of them of each product; the draft may not be there yet."""
    tasks = [partial(hand.add, jam if number % 2 else tea) for number in range(HANDS)]
    answers = at_once(ServiceShop(), tasks)
    ((drafts,),) = database.rows(
        'SELECT count(*) FROM "order" WHERE status = %s AND customer_id = %s',
        ["draft", hand.who.id],
    )
    draft = queries.draft(hand.who.id)
    lines = draft.lines if draft else []
    return Filled(answers, drafts, {line.product: line.quantity for line in lines})


def check_filled(outcome: Filled) -> None:
    """Every unit is in, and all in one draft."""
    assert codes(outcome.answers) == {OK: HANDS}
    assert outcome.drafts == 1
    assert len({answer.content for answer in outcome.answers}) == 1
    assert list(outcome.units.values()) == [HANDS / 2, HANDS / 2]


def test_sixteen_concurrent_additions_fill_one_draft(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    for _ in range(3):
        check_filled(fill(Hand(person(), now), product(), product()))


def test_concurrent_requests_create_one_draft(person: MakePerson, now: datetime) -> None:
    hand = Hand(person(), now)
    assert len(set(at_once(ServiceShop(), [hand.open] * HANDS))) == 1


def test_concurrent_removals_take_no_more_units_than_the_draft_has(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    hand, jam = Hand(person(), now), product()
    for _ in range(10):
        hand.add(jam)
    answers = at_once(ServiceShop(), [partial(hand.remove, jam)] * HANDS)
    assert codes(answers) == {OK: 10, "not_in_cart": HANDS - 10}
    draft = queries.draft(hand.who.id)
    assert draft is not None
    assert (draft.lines, draft.version) == ([], 21)


@dataclass
class Submitted:
    """The answers to requests that placed one draft, and the units that they took."""

    jam: int
    answers: list[Answer]
    taken: int


def submit_at_once(hand: Hand, jam: int) -> Submitted:
    """Every hand places the same draft of two units."""
    for _ in range(2):
        hand.add(jam)
    before = shelf(jam).available
    answers = at_once(ServiceShop(), [partial(hand.submit, hand.open())] * HANDS)
    return Submitted(jam, answers, before - shelf(jam).available)


def check_submitted(outcome: Submitted) -> None:
    """One of them placed it, the others got that answer."""
    assert codes(outcome.answers) == {OK: 1, "already_submitted": HANDS - 1}
    assert outcome.taken == 2
    assert_agree([outcome.jam])


def test_concurrent_submissions_place_a_draft_once(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    for _ in range(3):
        check_submitted(submit_at_once(Hand(person(), now), product(stock=50)))


@dataclass
class Shopping:
    """Units put in while others submit, and where they are afterwards."""

    jam: int
    added: list[Answer]
    submitted: list[Answer]
    ordered: int
    in_draft: int


def shop_and_submit(hand: Hand, jam: int) -> Shopping:
    """Twelve hands put four units in each; four submit, again and again, what is there."""

    def add() -> list[Answer]:
        return [hand.add(jam) for _ in range(4)]

    def submit() -> list[Answer]:
        return [hand.submit() for _ in range(4)]

    reported = at_once(ServiceShop(), [add, add, add, submit] * 4)
    added = [one for number, own in enumerate(reported) if number % 4 < 3 for one in own]
    submitted = [one for own in reported[3::4] for one in own]
    draft = queries.draft(hand.who.id)
    left = sum(line.quantity for line in draft.lines) if draft else 0
    ordered = queries.line_history(hand.who.id, offset=0, limit=99)
    return Shopping(jam, added, submitted, sum(line.quantity for line in ordered), left)


def check_shopping(outcome: Shopping) -> None:
    """Each unit was ordered once or is in the draft, and what was ordered left the shelf."""
    assert codes(outcome.added) == {OK: 48}
    assert codes(outcome.submitted).keys() <= {OK, "already_submitted", "cart_empty"}
    assert outcome.ordered + outcome.in_draft == 48
    assert_agree([outcome.jam])


def test_units_added_during_a_submission_are_ordered_or_stay(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    for _ in range(3):
        check_shopping(shop_and_submit(Hand(person(), now), product(stock=99)))


def test_one_of_several_drafts_with_the_last_unit_is_placed(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    jam, tea = product(stock=1), product(stock=99)
    hands = [Hand(person(), now) for _ in range(HANDS)]
    for number, hand in enumerate(hands):
        for one in (jam, tea) if number % 2 else (tea, jam):
            hand.add(one)
    answers = at_once(ServiceShop(), [partial(hand.submit, hand.open()) for hand in hands])
    assert codes(answers) == {OK: 1, "insufficient_stock": HANDS - 1}
    assert_agree([jam, tea])
    assert (shelf(jam).available, shelf(tea).available) == (0, 98)


@dataclass
class Crossing:
    """Drafts that several groups place, in opposite order, and what each group was answered."""

    products: list[int]
    drafts: int
    answers: list[str]


def cross(hands: Sequence[Hand], products: list[int], *, groups: int) -> Crossing:
    """Each draft has all products, every other one the wrong way round, as have the groups."""
    placings = []
    for number, hand in enumerate(hands):
        for one in products[:: -1 if number % 2 else 1]:
            hand.add(one)
        placings.append(hand.placing(hand.open()))

    def place(group: Sequence[Placement]) -> list[str]:
        reported = place_orders(group, terms=GBP, now=hands[0].now)
        # A deadlock, say, is an outcome of the race.
        return [
            OK if isinstance(one, Placed) else getattr(one, "code", str(one)) for one in reported
        ]

    tasks = [partial(place, placings[:: -1 if number % 2 else 1]) for number in range(groups)]
    answers = [code for own in at_once(ServiceShop(), tasks) for code in own]
    return Crossing(products, len(hands), answers)


def check_crossing(outcome: Crossing) -> None:
    """Each draft was placed by one batch, and the others got that answer."""
    reported = Counter(outcome.answers)
    assert reported.keys() <= {OK, "already_submitted"}, reported
    assert reported[OK] == outcome.drafts
    assert_agree(outcome.products)


def test_batches_with_crossing_drafts_place_each_once(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    products = [product(stock=99) for _ in range(4)]
    for _ in range(3):
        hands = [Hand(person(), now) for _ in range(6)]
        check_crossing(cross(hands, products, groups=6))
