"""Concurrent moves, changes and returns of one order, and a count during its shipment.

The guards are the lock on the order's row and the comparison in the statement that changes its
status; for the count it is the lock on the stock rows.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from larder.db import database
from larder.ops.books import invariants
from tests.conftest import Person
from tests.system.race.books import assert_agree, shelf
from tests.system.race.shops import OK, Answer, ServiceShop, at_once

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
Task = Callable[[], Answer]
STOCK, UNITS = 100, 6


@dataclass
class Meeting:
    """One order of UNITS, what was done to it at once and answered, and what became of it."""

    product: int
    order: UUID
    answers: list[Answer]

    @property
    def codes(self) -> Counter[str]:
        """How often each code was answered."""
        return Counter(answer.code for answer in self.answers)

    @property
    def events(self) -> list[str]:
        """What happened to the order, by its own account."""
        found = database.rows(
            "SELECT type FROM order_event WHERE order_id = %s ORDER BY position", [self.order]
        )
        return [row[0] for row in found]

    @property
    def status(self) -> str:
        """Where the order is."""
        found = database.rows('SELECT status FROM "order" WHERE id = %s', [self.order])
        return str(found[0][0])


def order_of(shop: ServiceShop, who: Person, staff: Person, jam: int, *moves: str) -> UUID:
    """An order that these moves were made on."""
    shop.enter(who)
    shop.enter(staff)
    content = shop.place(who, [(jam, UNITS)]).content
    order = UUID(str(content["id"] if isinstance(content, dict) else content.id))
    for move in moves:
        assert shop.move(staff, order, move).code == OK
    return order


def meet(shop: ServiceShop, jam: int, order: UUID, tasks: Sequence[Task]) -> Meeting:
    """All of the tasks at once."""
    return Meeting(jam, order, at_once(shop, tasks))


def check_books(outcome: Meeting) -> None:
    """Stock, ledger, lines and events tell one story."""
    assert_agree([outcome.product])
    report = invariants.check()
    assert [finding.invariant.name for finding in report.violated] == []


def ship_often(shop: ServiceShop, who: Person, staff: Person, jam: int) -> Meeting:
    order = order_of(shop, who, staff, jam, "pack")
    return meet(shop, jam, order, [partial(shop.move, staff, order, "ship")] * 12)


def check_shipped_once(outcome: Meeting) -> None:
    """All clients get the answer that it is shipped; it was shipped once."""
    assert outcome.codes == {OK: 12}
    assert outcome.events == ["placed", "packed", "shipped"]
    assert shelf(outcome.product).available == STOCK - UNITS
    check_books(outcome)


def test_twelve_concurrent_moves_are_made_once(
    shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    check_shipped_once(ship_often(shop, person(), person(is_staff=True), product(stock=STOCK)))


def cancel_and_ship(shop: ServiceShop, who: Person, staff: Person, jam: int) -> Meeting:
    order = order_of(shop, who, staff, jam, "pack")
    # Another order's units, which a second move of this one could take.
    shop.place(who, [(jam, 10 * UNITS)])
    tasks = [partial(shop.move, staff, order, move) for move in ("cancel", "ship") * 4]
    return meet(shop, jam, order, tasks)


def check_one_won(outcome: Meeting) -> None:
    """All of one kind get the answer that it is done, all of the other that it is too late."""
    half = len(outcome.answers) // 2
    assert outcome.codes == {OK: half, "invalid_transition": half}
    assert len(outcome.events) == 3
    assert outcome.events[-1] == outcome.status
    check_books(outcome)


def test_one_of_a_concurrent_cancellation_and_shipment_happens(
    shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    check_one_won(cancel_and_ship(shop, person(), person(is_staff=True), product(stock=STOCK)))


def change_and_cancel(
    shop: ServiceShop, who: Person, staff: Person, jam: int, to: Sequence[int] = (1, 3, 8, 9)
) -> Meeting:
    order = order_of(shop, who, staff, jam)
    shop.place(who, [(jam, 5 * UNITS)])
    changes = [partial(shop.change, who, order, [(jam, units)]) for units in to]
    cancels = [partial(shop.move, who, order, "cancel")] * len(to)
    tasks = [task for pair in zip(changes, cancels, strict=True) for task in pair]
    return meet(shop, jam, order, tasks)


def check_cancelled(outcome: Meeting) -> None:
    """Changes come before the cancellation or are too late; all units are back."""
    assert outcome.codes.keys() <= {OK, "invalid_transition"}, outcome.codes
    assert (outcome.status, outcome.events.count("cancelled")) == ("cancelled", 1)
    assert outcome.events[-1] == "cancelled"
    assert shelf(outcome.product).available == STOCK - 5 * UNITS
    check_books(outcome)


def test_changes_happen_before_a_concurrent_cancellation_or_are_refused(
    shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    check_cancelled(change_and_cancel(shop, person(), person(is_staff=True), product(stock=STOCK)))


def change_often(
    shop: ServiceShop, who: Person, staff: Person, jam: int, version: int | None
) -> Meeting:
    order = order_of(shop, who, staff, jam)
    tasks = [
        partial(shop.change, who, order, [(jam, units)], version=version)
        for units in (1, 2, 3, 4, 5, 7, 8, 9)
    ]
    return meet(shop, jam, order, tasks)


def check_first_won(outcome: Meeting) -> None:
    """One changed the version that all of them had read."""
    assert outcome.codes == {OK: 1, "precondition_failed": 7}
    assert outcome.events == ["placed", "changed"]
    check_books(outcome)


def test_only_the_first_change_of_a_version_is_made(
    shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    staff, jam = person(is_staff=True), product(stock=STOCK)
    check_first_won(change_often(shop, person(), staff, jam, version=1))


def test_changes_without_a_version_are_made_one_after_the_other(
    shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    staff, jam = person(is_staff=True), product(stock=STOCK)
    outcome = change_often(shop, person(), staff, jam, version=None)
    assert outcome.codes == {OK: 8}
    assert outcome.events == ["placed", *["changed"] * 8]
    check_books(outcome)


def return_often(shop: ServiceShop, who: Person, staff: Person, jam: int) -> Meeting:
    order = order_of(shop, who, staff, jam, "pack", "ship")
    back = [partial(shop.move, staff, order, "return", [(jam, 2)])] * 8
    return meet(shop, jam, order, back)


def check_returned_once(outcome: Meeting) -> None:
    """Three returns of two units are six; the others come too late."""
    assert outcome.codes == {OK: 3, "return_exceeds_shipped": 5}
    assert outcome.status == "returned"
    assert shelf(outcome.product).available == STOCK
    check_books(outcome)


def test_concurrent_returns_return_no_more_than_was_shipped(
    shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    check_returned_once(return_often(shop, person(), person(is_staff=True), product(stock=STOCK)))


def count_and_ship(shop: ServiceShop, who: Person, staff: Person, jam: int) -> Meeting:
    """Orders leave while the shelf is counted, again and again, as having STOCK units."""
    packed = [order_of(shop, who, staff, jam, "pack") for _ in range(4)]
    ships = [partial(shop.move, staff, order, "ship") for order in packed]
    counts = [partial(shop.adjust, staff, jam, counted=STOCK)] * 4
    tasks = [task for pair in zip(ships, counts, strict=True) for task in pair]
    return meet(shop, jam, packed[0], tasks)


def check_counted(outcome: Meeting) -> None:
    """Each entry of the ledger follows from the last, and each count left STOCK on the shelf."""
    assert outcome.codes == {OK: 8}
    check_books(outcome)
    counts = database.rows(
        "SELECT available_after + committed_after FROM ledger_entry"
        " WHERE product_id = %s AND cause = 'correction'",
        [outcome.product],
    )
    assert {row[0] for row in counts} <= {STOCK}
    assert shelf(outcome.product).committed == 0


def test_a_count_during_a_shipment_is_exact(
    shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    check_counted(count_and_ship(shop, person(), person(is_staff=True), product(stock=STOCK)))
