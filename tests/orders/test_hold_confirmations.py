"""Confirmations of orders that await their payment, in time and late."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from queue import SimpleQueue
from time import sleep
from uuid import uuid4

import psycopg
import pytest
from django.db import OperationalError

from larder.core.errors import KeyReused, NotFound, NotStaff, PermissionMissing, StaleVersion
from larder.db.idempotency import Claim, Scope
from larder.identity.queries import with_rights
from larder.inventory.errors import InsufficientStock
from larder.inventory.services.adjustments import AdjustmentLine, Cause, adjust_stock
from larder.orders import queries
from larder.orders.errors import HoldExpired
from larder.orders.services import batches, moves
from larder.orders.services.batches import confirm_order, start_request
from larder.orders.services.cart import ensure_cart
from larder.orders.services.placing.place_batch import place_batch
from larder.orders.services.placing.placement import new_order
from larder.orders.services.transitions import Moved
from tests.conftest import Person
from tests.orders.holding import (
    GBP,
    SECONDS,
    WITH_BOOKS,
    MakePerson,
    MakeProduct,
    balance,
    confirm,
    events,
    expire,
    held_by,
    hold,
    ledger,
    order,
    pass_seconds,
    request,
    status,
)

pytestmark = WITH_BOOKS


def test_a_confirmed_order_keeps_its_units(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam, who = product(stock=5), person()
    held = hold(who, (jam, 3))
    placed = confirm(clerk, held.id)
    assert (placed.status, placed.version) == ("placed", held.version + 1)
    assert placed.lines == held.lines
    assert queries.order(held.id, customer=None) == placed
    assert (balance(jam), len(ledger(jam))) == ((2, 3), 2)
    assert events(held.id)[1:] == [("confirmed", "pending", "placed")]
    pass_seconds(SECONDS, [held.id])
    with pytest.raises(InsufficientStock):
        order(person(), (jam, 3))
    assert expire() == 0


def test_a_confirmation_is_repeated(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    held = hold(person(), (product(stock=5), 3))
    assert confirm(clerk, held.id) == confirm(clerk, held.id)
    moves.pack_order(request(clerk.caller, held.id))
    assert confirm(clerk, held.id).status == "packed"
    assert len(events(held.id)) == 3


def test_a_late_confirmation_takes_available_units_again(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam = product(stock=5)
    held = hold(person(), (jam, 3))
    pass_seconds(SECONDS, [held.id])
    assert expire() == 1
    assert (balance(jam), status(held.id)) == ((5, 0), "expired")
    assert confirm(clerk, held.id).status == "placed"
    assert balance(jam) == (2, 3)
    assert events(held.id)[-1] == ("confirmed", "expired", "placed")


def test_a_confirmation_after_the_expiry_keeps_what_is_not_released(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam = product(stock=5)
    held = hold(person(), (jam, 3))
    pass_seconds(SECONDS, [held.id])
    assert confirm(clerk, held.id).status == "placed"
    assert ledger(jam)[1:] == [("hold", -3, 3)]
    assert balance(jam) == (2, 3)


def test_an_expired_order_whose_units_were_sold_is_not_confirmed(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    """One of two lines was released and sold: the other keeps its units, and nothing changes."""
    jam, tea = product(stock=5), product(stock=5)
    held = hold(person(), (jam, 3), (tea, 2))
    pass_seconds(SECONDS, [held.id])
    order(person(), (jam, 5))
    with pytest.raises(HoldExpired) as refused:
        confirm(clerk, held.id)
    assert [(line["product"], line["available"]) for line in refused.value.lines] == [(jam, 0)]
    assert (balance(jam), status(held.id)) == ((0, 5), "pending")
    # The units come back: the order can be confirmed for as long as it is not cancelled.
    adjust_stock(
        [AdjustmentLine(jam, delta=3)],
        Cause("received"),
        caller=clerk.caller,
        now=datetime.now(UTC),
    )
    assert confirm(clerk, held.id).status == "placed"
    assert (balance(jam), balance(tea)) == ((0, 8), (3, 2))


def test_only_staff_with_the_permission_confirm(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    who = person()
    held = hold(who, (product(stock=5), 3))
    for caller, refused in ((who, NotStaff), (person(is_staff=True), PermissionMissing)):
        with pytest.raises(refused):
            confirm_order(request(caller.caller, held.id))
    assert status(held.id) == "pending"
    confirm(clerk, held.id)
    with pytest.raises(NotStaff):
        confirm_order(request(who.caller, held.id))


def test_a_confirmation_needs_the_version_that_it_names(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    held = hold(person(), (product(stock=5), 3))
    asked = request(with_rights(clerk.caller), held.id)
    with pytest.raises(StaleVersion):
        confirm_order(replace(asked, version=held.version + 1))
    confirm_order(replace(asked, version=held.version))
    assert status(held.id) == "placed"


def test_an_unknown_order_and_a_cart_are_not_confirmed(person: MakePerson, clerk: Person) -> None:
    cart = ensure_cart(person().id, now=datetime.now(UTC))
    for id in (uuid4(), cart):
        with pytest.raises(NotFound):
            confirm(clerk, id)


def test_a_confirmation_with_a_key_is_repeated_by_it(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam, who = product(stock=5), person()
    held = hold(who, (jam, 3))
    scope = Scope(clerk.customer.public_id, f"POST /api/v1/orders/{held.id}/confirm", "k1")
    asked = replace(
        request(with_rights(clerk.caller), held.id), claim=Claim(scope, b"1", str(held.id))
    )
    assert (confirm_order(asked).replayed, confirm_order(asked).replayed) == (False, True)
    moves.cancel_order(request(clerk.caller, held.id))
    assert confirm_order(asked).replayed
    assert status(held.id) == "cancelled"
    with pytest.raises(KeyReused):
        confirm_order(replace(asked, claim=Claim(scope, b"2", str(held.id))))


def test_the_key_of_a_refused_confirmation_is_free(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam = product(stock=3)
    held = hold(person(), (jam, 3))
    pass_seconds(SECONDS, [held.id])
    taken = order(person(), (jam, 3))
    scope = Scope(clerk.customer.public_id, f"POST /api/v1/orders/{held.id}/confirm", "k1")
    asked = replace(
        request(with_rights(clerk.caller), held.id), claim=Claim(scope, b"1", str(held.id))
    )
    with pytest.raises(HoldExpired):
        confirm_order(asked)
    moves.cancel_order(request(clerk.caller, taken.id))
    assert not confirm_order(asked).replayed
    assert balance(jam) == (0, 3)


@pytest.mark.parametrize("locked", ['"order" WHERE id', 'held_line WHERE "order"'])
def test_a_batch_does_not_wait_for_a_locked_order(
    locked: str, person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    held = [hold(person(), (product(stock=5), 3)) for _ in range(2)]
    asked = [request(with_rights(clerk.caller), each.id) for each in held]
    with psycopg.connect(os.environ["DATABASE_URL"]) as keeper:
        keeper.execute(f"SELECT FROM {locked} = %s FOR UPDATE", [held[0].id])
        place_batch(lambda: asked, terms=GBP, lock_wait=1.0)
        assert [status(each.id) for each in held] == ["pending", "placed"]


def test_a_repeat_for_a_locked_order_does_not_delay_others(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    batches.start(GBP)
    locked, other = (hold(person(), (product(stock=5), 3)).id for _ in range(2))
    caller, answers = with_rights(clerk.caller), SimpleQueue[object]()
    asked = replace(
        request(caller, locked),
        claim=Claim(Scope(caller.public_id, "confirm", "key"), b"1", str(locked)),
    )
    with psycopg.connect(os.environ["DATABASE_URL"]) as keeper:
        keeper.execute('SELECT FROM "order" WHERE id = %s FOR UPDATE', [locked])
        start_request(asked, answers.put)
        sleep(0.3)
        start_request(asked, answers.put)
        start_request(request(caller, other), answers.put)
        assert isinstance(answers.get(timeout=0.5), Moved)
    assert status(other) == "placed"
    assert {type(answers.get(timeout=5)) for _ in range(2)} <= {Moved, OperationalError}


def test_a_batch_does_not_sell_the_units_of_an_order_that_it_confirms(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam = product(stock=5)
    held = hold(person(), (jam, 3))
    pass_seconds(SECONDS, [held.id])
    confirmation = request(with_rights(clerk.caller), held.id)
    other = new_order(held_by(person(), (jam, 3)), datetime.now(UTC))
    answers = place_batch(lambda: [other, confirmation], terms=GBP, lock_wait=1.0)
    assert isinstance(answers[confirmation], Moved)
    assert isinstance(answers[other], InsufficientStock)
    assert balance(jam) == (2, 3)
