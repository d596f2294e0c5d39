"""Repeated placings at the service: keys, client-chosen ids, and both together."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from larder.core.errors import DomainError, KeyReused, NotFound, UnknownProducts
from larder.core.ids import new_id
from larder.db import database
from larder.inventory import queries as inventory
from larder.inventory.errors import InsufficientStock
from larder.orders.decision import RequestedLine
from larder.orders.models import Order
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import Placed, Placement, Terms
from tests.conftest import Person
from tests.orders.placing import place_orders

GBP = Terms(currency="GBP")
MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]


@pytest.fixture
def place(transactional_db: None, now: datetime) -> Callable[[Placement], Placed]:
    """Places one order."""
    return lambda asked: place_order(asked, terms=GBP, now=now)


Place = Callable[[Placement], Placed]


def asked_by(who: Person, *lines: tuple[int, int], **details: Any) -> Placement:
    """An order of (product, quantity) lines."""
    return Placement(
        customer=who.id,
        actor=who.customer.public_id,
        lines=[RequestedLine(*line) for line in lines],
        operation="POST /api/v1/orders",
        **details,
    )


def claimed() -> list[tuple[str, str]]:
    """(operation, key) of every claim in the table."""
    return sorted(database.rows("SELECT operation, key FROM idempotency_key"))


def ids_of(*orders: Placed) -> set[UUID]:
    """Their ids."""
    return {order.order.id for order in orders}


@pytest.mark.parametrize("name", [{"key": "k"}, {"order_id": new_id()}], ids=["key", "id"])
def test_a_repeated_request_returns_the_same_order(
    name: dict[str, Any], place: Place, person: MakePerson, product: MakeProduct
) -> None:
    who, jam = person(), product(stock=5)
    first, again = (place(asked_by(who, (jam, 2), **name)) for _ in range(2))
    assert (first.replayed, again.replayed) == (False, True)
    assert first.order == again.order
    assert inventory.available([jam]) == {jam: 3}


def test_a_repeat_shows_the_current_order(
    place: Place, person: MakePerson, product: MakeProduct
) -> None:
    who, jam = person(), product()
    first = place(asked_by(who, (jam, 2), key="k"))
    Order.objects.filter(id=first.order.id).update(status="shipped", version=3)
    again = place(asked_by(who, (jam, 2), key="k"))
    assert again.replayed
    assert (again.order.status, again.order.version) == ("shipped", 3)


def test_a_repeat_needs_no_stock_no_offer_and_no_permission_to_order(
    place: Place, person: MakePerson, product: MakeProduct
) -> None:
    """The order was placed, and later changes do not matter."""
    who, jam = person(), product(stock=2)
    first = place(asked_by(who, (jam, 2), key="k"))
    who.customer.may_order = False
    who.customer.save()
    database.execute("UPDATE product SET archived_at = now(), price = 99 WHERE id = %s", [jam])
    again = place(asked_by(who, (jam, 2), key="k"))
    assert again.replayed
    assert again.order.total == first.order.total


CHANGES: dict[str, dict[str, Any]] = {
    "note": {"note": "ring twice"},
    "reference": {"reference": "PO 7"},
    "address": {"ship_to": {"city": "York"}},
    "day": {"requested_for": date(2026, 2, 3)},
}


@pytest.mark.parametrize("name", [{"key": "k"}, {"order_id": new_id()}], ids=["key", "id"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_key_or_id_with_other_details_is_refused(
    change: str, name: dict[str, Any], place: Place, person: MakePerson, product: MakeProduct
) -> None:
    who, jam = person(), product()
    first = place(asked_by(who, (jam, 2), **name))
    with pytest.raises(KeyReused):
        place(asked_by(who, (jam, 2), **name, **CHANGES[change]))
    assert place(asked_by(who, (jam, 2), **name)).order == first.order


@pytest.mark.parametrize("name", [{"key": "k"}, {"order_id": new_id()}], ids=["key", "id"])
def test_a_key_or_id_with_other_lines_is_refused(
    name: dict[str, Any], place: Place, person: MakePerson, product: MakeProduct
) -> None:
    who, jam, tea = person(), product(stock=9), product(stock=9)
    place(asked_by(who, (jam, 2), **name))
    for lines in ([(jam, 3)], [(tea, 2)], [(jam, 2), (tea, 1)]):
        with pytest.raises(KeyReused):
            place(asked_by(who, *lines, **name))
    assert inventory.available([jam, tea]) == {jam: 7, tea: 9}


def test_an_expected_price_is_part_of_the_request(
    place: Place, person: MakePerson, product: MakeProduct
) -> None:
    who, jam = person(), product(price="1.50")
    asked = asked_by(who, (jam, 2), key="k")
    place(asked)
    with pytest.raises(KeyReused):
        place(replace(asked, lines=[RequestedLine(jam, 2, Decimal("1.5"))]))


def test_lines_with_equal_sums_are_the_same_request(
    place: Place, person: MakePerson, product: MakeProduct
) -> None:
    who, jam, tea = person(), product(), product()
    first = place(asked_by(who, (jam, 1), (tea, 1), (jam, 2), key="k"))
    assert place(asked_by(who, (jam, 3), (tea, 1), key="k")).order == first.order


def test_a_key_belongs_to_its_caller_and_its_operation(
    place: Place, person: MakePerson, product: MakeProduct
) -> None:
    who, jam = person(), product()
    mine = place(asked_by(who, (jam, 1), key="k"))
    theirs = place(asked_by(person(), (jam, 1), key="k"))
    elsewhere = place(replace(asked_by(who, (jam, 1), key="k"), operation="POST /elsewhere"))
    assert len(ids_of(mine, theirs, elsewhere)) == 3


def test_the_id_of_another_customers_order_is_not_found(
    place: Place, person: MakePerson, product: MakeProduct
) -> None:
    jam, chosen = product(), new_id()
    place(asked_by(person(), (jam, 1), order_id=chosen))
    with pytest.raises(NotFound):
        place(asked_by(person(), (jam, 1), order_id=chosen))
    assert inventory.available([jam]) == {jam: 9}


def test_an_id_from_the_shop_is_repeated_like_one_from_the_client(
    place: Place, person: MakePerson, product: MakeProduct
) -> None:
    who, jam = person(), product()
    first = place(asked_by(who, (jam, 1)))
    again = place(asked_by(who, (jam, 1), order_id=first.order.id))
    assert (again.replayed, again.order) == (True, first.order)
    with pytest.raises(NotFound):
        place(asked_by(person(), (jam, 1), order_id=first.order.id))
    with pytest.raises(KeyReused):
        place(asked_by(who, (jam, 2), order_id=first.order.id))


def test_an_id_may_be_repeated_without_its_key_and_with_another(
    place: Place, person: MakePerson, product: MakeProduct
) -> None:
    who, jam, chosen = person(), product(), new_id()
    first = place(asked_by(who, (jam, 1), order_id=chosen, key="k"))
    bare = place(asked_by(who, (jam, 1), order_id=chosen))
    other = place(asked_by(who, (jam, 1), order_id=chosen, key="another"))
    assert ids_of(first, bare, other) == {chosen}
    assert (bare.replayed, other.replayed) == (True, True)
    # A repeat keeps no key, so another order can use it.
    place(asked_by(who, (jam, 2), key="another"))
    assert inventory.available([jam]) == {jam: 7}


@pytest.mark.parametrize("then", [None, new_id()], ids=["no id", "another id"])
def test_a_key_used_with_an_order_id_is_refused_for_another_id(
    then: UUID | None, place: Place, person: MakePerson, product: MakeProduct
) -> None:
    who, jam = person(), product()
    place(asked_by(who, (jam, 1), order_id=new_id(), key="k"))
    before = claimed()
    with pytest.raises(KeyReused):
        place(asked_by(who, (jam, 1), order_id=then, key="k"))
    assert claimed() == before
    assert inventory.available([jam]) == {jam: 9}


def test_a_key_and_an_id_of_two_orders_are_refused(
    place: Place, person: MakePerson, product: MakeProduct
) -> None:
    who, jam, chosen = person(), product(), new_id()
    place(asked_by(who, (jam, 1), key="k"))
    place(asked_by(who, (jam, 1), order_id=chosen))
    with pytest.raises(KeyReused):
        place(asked_by(who, (jam, 1), order_id=chosen, key="k"))


def test_the_id_of_another_customer_does_not_use_up_a_key(
    place: Place, person: MakePerson, product: MakeProduct
) -> None:
    who, jam, theirs = person(), product(), new_id()
    place(asked_by(person(), (jam, 1), order_id=theirs))
    with pytest.raises(NotFound):
        place(asked_by(who, (jam, 1), order_id=theirs, key="k"))
    assert not place(asked_by(who, (jam, 1), order_id=new_id(), key="k")).replayed


def test_a_refused_order_releases_its_id_and_its_key(
    place: Place, person: MakePerson, product: MakeProduct
) -> None:
    who, jam, chosen = person(), product(stock=1), new_id()
    with pytest.raises(InsufficientStock):
        place(asked_by(who, (jam, 2), order_id=chosen, key="k"))
    with pytest.raises(UnknownProducts):
        place(asked_by(who, (jam + 1, 1), order_id=chosen, key="k"))
    assert claimed() == []
    placed = place(asked_by(who, (jam, 1), order_id=chosen, key="k"))
    assert (placed.replayed, placed.order.id) == (False, chosen)
    assert claimed() == [("POST /api/v1/orders", "k"), ("order-id", str(chosen))]


def test_a_refused_repeat_does_not_release_the_key_of_the_first_request(
    place: Place, person: MakePerson, product: MakeProduct
) -> None:
    who, jam, chosen = person(), product(), new_id()
    place(asked_by(who, (jam, 1), order_id=chosen, key="k"))
    before = claimed()
    with pytest.raises(KeyReused):
        place(asked_by(who, (jam, 2), order_id=chosen, key="k"))
    with pytest.raises(KeyReused):
        place(asked_by(who, (jam, 2), order_id=chosen, key="new"))
    assert claimed() == before


def test_a_batch_places_the_first_of_equal_requests_and_repeats_it_for_the_others(
    transactional_db: None, person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product(stock=5)
    same = asked_by(who, (jam, 2), key="k")
    unlike = asked_by(who, (jam, 1), key="k")
    short = asked_by(who, (jam, 9))
    answers = place_orders([same, short, same, unlike], terms=GBP, now=now)
    assert [_code(answer) for answer in answers] == [
        "placed",
        "insufficient_stock",
        "replayed",
        KeyReused.code,
    ]
    assert inventory.available([jam]) == {jam: 3}


def test_a_refused_order_of_a_batch_leaves_its_key_to_the_next_request(
    transactional_db: None, person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product(stock=2)
    answers = place_orders(
        [asked_by(who, (jam, 3), key="k"), asked_by(who, (jam, 2), key="k")], terms=GBP, now=now
    )
    assert [_code(answer) for answer in answers] == ["insufficient_stock", "placed"]


def _code(answers: Placed | Exception) -> str:
    if isinstance(answers, DomainError):
        return answers.code
    assert isinstance(answers, Placed), answers
    return "replayed" if answers.replayed else "placed"


def test_repeated_requests_of_a_batch_get_their_own_orders(
    transactional_db: None, person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product(stock=10)
    group = [asked_by(who, (jam, units), key=f"k {units}") for units in (1, 2, 3)]
    first, again = (place_orders(group, terms=GBP, now=now) for _ in range(2))
    placed = [answer.order for answer in first if isinstance(answer, Placed)]
    repeated = [(answer.order, answer.replayed) for answer in again if isinstance(answer, Placed)]
    assert repeated == [(order, True) for order in placed]
    assert [order.lines[0].quantity for order in placed] == [1, 2, 3]
