"""Orders that await their payment: held, confirmed, cancelled and expired."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from msgspec.structs import replace as with_other

from larder.core.errors import KeyReused
from larder.db import database, feed
from larder.inventory.changes import CHANGES
from larder.inventory.errors import InsufficientStock
from larder.inventory.services.adjustments import AdjustmentLine, Cause, adjust_stock
from larder.orders import queries
from larder.orders.decision import RequestedLine
from larder.orders.errors import HoldExpired, InvalidTransition
from larder.orders.services import cart, changes, moves
from larder.orders.services.batches import place_order
from larder.orders.services.expire_holds import expire_holds
from larder.orders.services.placing.placement import ExpectedCart, Placed, Placement
from tests.conftest import Person
from tests.db.feeds import settle
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
from tests.orders.placing import place_orders

pytestmark = WITH_BOOKS


def test_a_hold_takes_its_units_as_an_order_does(person: MakePerson, product: MakeProduct) -> None:
    jam = product(stock=5)
    before = datetime.now(UTC)
    held = hold(person(), (jam, 3))
    assert held.expires_at is not None
    assert (held.status, balance(jam)) == ("pending", (2, 3))
    assert before + timedelta(seconds=SECONDS - 5) < held.expires_at
    assert held.expires_at < datetime.now(UTC) + timedelta(seconds=SECONDS + 5)
    assert ledger(jam)[1:] == [("hold", -3, 3)]
    assert events(held.id) == [("held", "", "pending")]
    assert queries.order(held.id, customer=None) == held


def test_a_hold_begins_by_the_clock_of_the_database_under_the_locks(
    person: MakePerson, product: MakeProduct
) -> None:
    """The request came an hour ago."""
    asked, begin = held_by(person(), (product(stock=5), 3)), datetime.now(UTC)
    (placed,) = place_orders([asked], terms=GBP, now=begin - timedelta(hours=1))
    assert not isinstance(placed, Exception)
    assert placed.order.expires_at is not None
    assert placed.order.expires_at > begin


def test_held_units_cannot_be_ordered_until_the_hold_expires(
    person: MakePerson, product: MakeProduct
) -> None:
    jam = product(stock=5)
    held = hold(person(), (jam, 3))
    pass_seconds(SECONDS - 5, [held.id])
    with pytest.raises(InsufficientStock):
        order(person(), (jam, 3))


def test_expired_units_can_be_ordered_without_a_worker(
    person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(stock=5), person()
    held = hold(who, (jam, 3))
    pass_seconds(SECONDS, [held.id])
    assert queries.order(held.id, customer=None).status == "expired"
    placed = order(person(), (jam, 5))
    assert placed.status == "placed"
    assert ledger(jam)[1:] == [("hold", -3, 3), ("release", 3, -3), ("order", -5, 5)]
    # The job writes status and event later.
    assert status(held.id) == "pending"
    assert expire() == 1
    assert events(held.id)[1:] == [("expired", "pending", "expired")]


def test_orders_of_a_held_product_search_no_held_lines_before_they_expire(
    person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(stock=50), person()
    held = hold(person(), (jam, 1))
    assert _searches(lambda: order(who, (jam, 1))) == 0
    pass_seconds(SECONDS, [held.id])
    assert _searches(lambda: order(who, (jam, 1))) == 1
    assert _searches(lambda: order(who, (jam, 1))) == 0


def _searches(work: Callable[[], object]) -> int:
    """Returns how many statements search expired lines."""
    with CaptureQueriesContext(connection) as seen:
        work()
    return sum("expires_at <= (SELECT clock_timestamp())" in query["sql"] for query in seen)


def test_a_partly_released_order_is_expired_and_cancelled_like_others(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam, tea = product(stock=5), product(stock=5)
    first, second = hold(person(), (jam, 1), (tea, 2)), hold(person(), (jam, 1), (tea, 2))
    pass_seconds(SECONDS, [first.id, second.id])
    order(person(), (jam, 5))
    moves.cancel_order(request(clerk.caller, first.id))
    assert (status(first.id), balance(tea)) == ("cancelled", (5, 0))
    assert expire() == 1
    assert status(second.id) == "expired"


def test_cancelling_releases(person: MakePerson, product: MakeProduct, clerk: Person) -> None:
    jam, who = product(stock=5), person()
    held = hold(who, (jam, 3))
    moves.cancel_order(request(who.caller, held.id))
    assert (status(held.id), balance(jam)) == ("cancelled", (5, 0))
    assert ledger(jam)[1:] == [("hold", -3, 3), ("release", 3, -3)]
    with pytest.raises(InvalidTransition):
        confirm(clerk, held.id)
    assert order(person(), (jam, 5)).status == "placed"


def test_an_expired_order_is_cancelled_for_good(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam, who = product(stock=5), person()
    held = hold(who, (jam, 3))
    pass_seconds(SECONDS, [held.id])
    expire()
    moves.cancel_order(request(who.caller, held.id))
    assert events(held.id)[-1] == ("cancelled", "expired", "cancelled")
    with pytest.raises(InvalidTransition):
        confirm(clerk, held.id)
    assert balance(jam) == (5, 0)


def test_a_pending_order_is_not_packed_and_not_changed(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam, who = product(stock=5), person()
    held = hold(who, (jam, 3))
    for move in (moves.pack_order, moves.ship_order, moves.deliver_order):
        with pytest.raises(InvalidTransition):
            move(request(clerk.caller, held.id))
    for lines, note in (([RequestedLine(jam, 1)], ""), (None, "ring twice")):
        with pytest.raises(InvalidTransition):
            changes.change_order(
                request(who.caller, held.id),
                terms=GBP,
                lines=lines,
                details={"note": note} if note else {},
            )


def test_a_submitted_cart_is_held(person: MakePerson, product: MakeProduct, clerk: Person) -> None:
    jam, who = product(stock=5), person()
    cart.put_lines(who.id, [RequestedLine(jam, 2)], now=datetime.now(UTC))
    asked = Placement(
        customer=who.id,
        actor=who.customer.public_id,
        lines=(),
        cart=ExpectedCart(),
        hold=held_by(who).hold,
    )
    held = place_order(asked, terms=GBP, now=datetime.now(UTC)).order
    assert (held.status, balance(jam)) == ("pending", (3, 2))
    assert events(held.id) == [("held", "draft", "pending")]
    assert queries.order(held.id, customer=None) == held
    assert confirm(clerk, held.id).status == "placed"


def test_held_and_plain_orders_of_a_batch_are_both_placed(
    person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(stock=5), person()
    plain = replace_hold(held_by(who, (jam, 2)))
    answers = place_orders(
        [held_by(who, (jam, 1)), plain, held_by(who, (jam, 2)), held_by(who, (jam, 1))],
        terms=GBP,
        now=datetime.now(UTC),
    )
    kinds = [
        answer.order.status if isinstance(answer, Placed) else getattr(answer, "code", "")
        for answer in answers
    ]
    assert kinds == ["pending", "placed", "pending", "insufficient_stock"]
    assert balance(jam) == (0, 5)


def replace_hold(asked: Placement) -> Placement:
    """The same request without a hold."""
    return with_other(asked, hold=None)


def test_the_repeat_of_a_key_shows_the_expired_order(
    person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(stock=5), person()
    asked = with_other(held_by(who, (jam, 3)), key="k1", operation="POST /api/v1/orders")
    first = place_order(asked, terms=GBP, now=datetime.now(UTC))
    pass_seconds(SECONDS, [first.order.id])
    again = place_order(asked, terms=GBP, now=datetime.now(UTC))
    assert (again.replayed, again.order.id, again.order.status) == (
        True,
        first.order.id,
        "expired",
    )
    with pytest.raises(KeyReused):
        place_order(with_other(asked, hold=None), terms=GBP, now=datetime.now(UTC))


def test_counted_stock_is_set_after_expired_holds_are_released(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    """The count of two units was refused while the three held units were committed."""
    jam = product(stock=5)
    held = hold(person(), (jam, 3))
    pass_seconds(SECONDS, [held.id])
    counted = [AdjustmentLine(jam, counted=2)]
    adjust_stock(counted, Cause("counted"), caller=clerk.caller, now=datetime.now(UTC))
    assert balance(jam) == (2, 0)
    assert [entry[0] for entry in ledger(jam)[1:]] == ["hold", "release", "counted"]


def test_units_released_at_the_same_time_go_to_the_first_order(
    person: MakePerson, product: MakeProduct
) -> None:
    """Two holds expire at the same time. The units of both are there for the orders of a batch, in
    its order, each once."""
    jam = product(stock=4)
    pair = [hold(person(), (jam, 2)).id for _ in range(2)]
    moment = datetime.now(UTC) - timedelta(milliseconds=1)
    database.execute("UPDATE held_line SET expires_at = %s", [moment])
    database.execute(
        'UPDATE "order" SET expires_at = %s WHERE id = ANY(%s::uuid[])', [moment, pair]
    )
    database.execute("UPDATE stock SET next_expiry = %s WHERE product_id = %s", [moment, jam])
    asked = [replace_hold(held_by(person(), (jam, 2))) for _ in range(3)]
    answers = place_orders(asked, terms=GBP, now=datetime.now(UTC))
    assert [isinstance(answer, Placed) for answer in answers] == [True, True, False]
    assert balance(jam) == (0, 4)
    assert expire() == 2


def test_a_clock_that_is_set_back_does_not_undo_a_release(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    """After a failover the new server's clock is an hour behind: released orders stay released, and
    pending orders stay pending until the hour has passed.
    """
    jam, tea = product(stock=5), product(stock=5)
    first, second = hold(person(), (jam, 3), (tea, 1)), hold(person(), (jam, 1))
    pass_seconds(SECONDS, [first.id])
    order(person(), (jam, 4))
    pass_seconds(-3600, [first.id, second.id])
    assert expire() == 0
    assert queries.order(first.id, customer=None).status == "pending"
    assert balance(jam) == (0, 5)
    with pytest.raises(HoldExpired):
        confirm(clerk, first.id)
    pass_seconds(7200, [first.id, second.id])
    assert expire() == 2
    assert (balance(jam), balance(tea)) == ((1, 4), (5, 0))


def test_one_busy_product_does_not_delay_the_expiry_of_others(
    person: MakePerson, product: MakeProduct
) -> None:
    busy, free = product(stock=5), product(stock=5)
    late = [hold(person(), (busy, 1)).id for _ in range(3)]
    other = hold(person(), (free, 1)).id
    locked = hold(person(), (free, 1)).id
    pass_seconds(SECONDS, [*late, other, locked])
    with psycopg.connect(os.environ["DATABASE_URL"]) as keeper:
        keeper.execute("SELECT 1 FROM stock WHERE product_id = %s FOR UPDATE", [busy])
        keeper.execute('SELECT 1 FROM "order" WHERE id = %s FOR UPDATE', [locked])
        # The busy ones are the oldest, and fill the batch.
        assert expire_holds(now=datetime.now(UTC), limit=3) == 1
        assert (status(other), status(locked)) == ("expired", "pending")
    assert expire_holds(now=datetime.now(UTC), limit=10) == 4


def test_a_call_expires_no_more_holds_than_its_limit(
    person: MakePerson, product: MakeProduct
) -> None:
    busy, free = product(stock=5), product(stock=5)
    ids = [hold(person(), (busy, 1)).id, *(hold(person(), (free, 1)).id for _ in range(3))]
    pass_seconds(SECONDS, ids)
    with psycopg.connect(os.environ["DATABASE_URL"]) as keeper:
        keeper.execute("SELECT 1 FROM stock WHERE product_id = %s FOR UPDATE", [busy])
        assert expire_holds(now=datetime.now(UTC), limit=2) == 2
    assert sorted(map(status, ids)) == ["expired", "expired", "pending", "pending"]


def test_an_order_that_others_have_released_expires_while_its_stock_is_locked(
    person: MakePerson, product: MakeProduct
) -> None:
    jam = product(stock=5)
    held = hold(person(), (jam, 3)).id
    pass_seconds(SECONDS, [held])
    order(person(), (jam, 4))
    with psycopg.connect(os.environ["DATABASE_URL"]) as keeper:
        keeper.execute("SELECT 1 FROM stock WHERE product_id = %s FOR UPDATE", [jam])
        assert expire() == 1
    assert status(held) == "expired"


def test_the_expiry_crosses_in_and_out_of_stock_as_other_movements_do(
    person: MakePerson, product: MakeProduct
) -> None:
    jam = product(stock=3)
    held = hold(person(), (jam, 3))
    settle()
    mark = feed.begin(CHANGES)
    pass_seconds(SECONDS, [held.id])
    expire()
    settle()
    assert feed.read(CHANGES, mark, limit=9).subjects == [jam]
