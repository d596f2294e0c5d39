"""Changes of placed orders concurrent with other changes, with placing, and with archiving of the
added products. The guards are the lock of all stock rows of a change in the common order of all
transactions, and that the products are read under this lock.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event
from uuid import UUID

from larder.db import database
from larder.ops.books import invariants
from tests.conftest import Person
from tests.system.race.books import assert_agree, shelf
from tests.system.race.customers import enter, few
from tests.system.race.shops import OK, Answer, ServiceShop, at_once

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
STOCK = 1000
CHANGERS, BUYERS, ROUNDS = 8, 4, 8


def placed(shop: ServiceShop, who: Person, products: Sequence[int]) -> UUID:
    """The id of an order of one unit of each."""
    content = shop.place(who, [(one, 1) for one in products]).content
    return UUID(str(content["id"] if isinstance(content, dict) else content.id))


@dataclass
class Crossing:
    """Products in ascending order, what was answered to changes and placings of them, and how
    many units of each product are in orders then."""

    products: list[int]
    answers: list[Answer]
    units: int

    @property
    def codes(self) -> Counter[str]:
        """How often each code was answered."""
        return Counter(answer.code for answer in self.answers)


def cross(
    shop: ServiceShop, people: Sequence[Person], products: list[int], rounds: int = ROUNDS
) -> Crossing:
    """Orders of the lower half of the products become orders of the upper half and back, others
    the other way round, named upwards and downwards; others again are placed, of all of them."""
    enter(shop, people)
    middle = len(products) // 2
    halves = products[:middle], products[middle:]

    def customer_of(number: int) -> Person:
        return people[number % len(people)]

    def changer(number: int, order: UUID) -> list[Answer]:
        step = -1 if number % 4 > 1 else 1
        to = [halves[(number + 1 + turn) % 2][::step] for turn in range(rounds)]
        return [shop.change(customer_of(number), order, [(one, 1) for one in half]) for half in to]

    def buyer(number: int) -> list[Answer]:
        lines = [(one, 1) for one in products[:: -1 if number % 2 else 1]]
        return [shop.place(customer_of(number), lines) for _ in range(rounds)]

    orders = [placed(shop, customer_of(number), halves[number % 2]) for number in range(CHANGERS)]
    changes = [partial(changer, number, order) for number, order in enumerate(orders)]
    answers = at_once(shop, [*changes, *(partial(buyer, number) for number in range(BUYERS))])
    units = CHANGERS // 2 + BUYERS * rounds
    return Crossing(products, [answer for own in answers for answer in own], units)


def check_crossing(outcome: Crossing) -> None:
    """No customer was refused, and the books are right to the unit."""
    assert outcome.codes == {OK: len(outcome.answers)}
    assert_agree(outcome.products)
    left = [shelf(one).available for one in outcome.products]
    assert left == [STOCK - outcome.units] * len(outcome.products)
    assert [finding.invariant.name for finding in invariants.check().violated] == []


def test_crossing_changes_and_orders_do_not_deadlock(
    shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    check_crossing(cross(shop, few(person), [product(stock=STOCK) for _ in range(6)]))


@dataclass
class Farewell:
    """Orders to which units of a product were added until it was archived; `added_then` times
    that had been done when the archiving was answered."""

    product: int
    answers: list[list[Answer]]
    archived: Answer
    added_then: int


def additions(product: int) -> int:
    """How often units were added to orders that were placed before, by the ledger."""
    counted = "SELECT count(*) FROM ledger_entry WHERE product_id = %s AND cause = 'change'"
    return int(database.rows(counted, [product])[0][0])


def archive_amid(shop: ServiceShop, people: tuple[Person, Person], jam: int, tea: int) -> Farewell:
    """Each customer keeps adding a unit to an order until the answer is that the product is
    gone."""
    who, staff = people
    shop.enter(who)
    shop.enter(staff)
    under_way = Event()

    def changer(order: UUID) -> list[Answer]:
        own: list[Answer] = []
        while (not own or own[-1].code == OK) and len(own) < STOCK // CHANGERS:
            own.append(shop.change(who, order, [(tea, 1), (jam, 1 + len(own))]))
            under_way.set()
        return own

    def archive() -> list[Answer]:
        under_way.wait(30)
        archived = shop.archive(staff, jam)
        # This thread's own connection: a server's crowd has none in this process.
        ServiceShop().arrive()
        try:
            return [archived, Answer(OK, additions(jam))]
        finally:
            ServiceShop().leave()

    orders = [placed(shop, who, [tea]) for _ in range(CHANGERS)]
    tasks: list[Callable[[], list[Answer]]] = [partial(changer, order) for order in orders]
    *changed, (archived, counted) = at_once(shop, [*tasks, archive])
    return Farewell(jam, changed, archived, counted.content)


def check_farewell(outcome: Farewell) -> None:
    """No unit was ordered after the archiving was answered; all clients got the reason."""
    assert outcome.archived.code == OK
    assert additions(outcome.product) == outcome.added_then
    codes = Counter(answer.code for own in outcome.answers for answer in own)
    assert codes == {OK: outcome.added_then, "unknown_product": CHANGERS}, codes
    assert_agree([outcome.product])


def test_no_order_gets_units_of_an_archived_product(
    shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    people = person(), person(is_staff=True)
    check_farewell(archive_amid(shop, people, product(stock=STOCK), product(stock=STOCK)))
