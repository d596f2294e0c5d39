"""Orders that await their payment: held, confirmed, cancelled and expired."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from msgspec.structs import replace as with_other

from larder.core.errors import KeyReused, NotFound, NotStaff, PermissionMissing, StaleVersion
from larder.db import database
from larder.db.idempotency import Claim, Scope
from larder.identity import quotas
from larder.identity.quotas import QuotaExceeded
from larder.inventory.errors import InsufficientStock
from larder.inventory.services.adjustments import AdjustmentLine, Cause, adjust_stock
from larder.ops import hold_expiry, invariants, shop_state
from larder.orders import queries
from larder.orders.decision import Wanted
from larder.orders.errors import HoldExpired, HoldTooLarge, InvalidTransition, TooManyHolds
from larder.orders.services import cart, changes, moves
from larder.orders.services.confirm_order import confirm_order
from larder.orders.services.drafts import ensure_draft
from larder.orders.services.expire_holds import expire_holds
from larder.orders.services.place_order import place_order
from larder.orders.services.placement import CartShown, Placed, Placement, Terms
from tests.conftest import Person
from tests.orders.holding import (
    GBP,
    SECONDS,
    balance,
    confirm,
    events,
    held_by,
    hold,
    ledger,
    order,
    pass_seconds,
    request,
    status,
)
from tests.orders.placing import place_orders

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clerk(person: MakePerson) -> Person:
    """A member of staff who may confirm orders."""
    return person(is_staff=True, role="owner")


@pytest.fixture(autouse=True)
def _books_agree() -> Iterator[None]:
    """The invariants hold after each test."""
    yield
    assert [one.invariant.name for one in invariants.check().violated] == []


def _expire() -> int:
    return expire_holds(now=datetime.now(UTC), limit=100)


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
    assert _expire() == 1
    assert events(held.id)[1:] == [("expired", "pending", "expired")]


def test_an_order_of_a_product_without_holds_runs_as_many_statements(
    person: MakePerson, product: MakeProduct
) -> None:
    jam, tea, who = product(stock=50), product(stock=50), person()
    other = hold(person(), (tea, 1))
    plain = _statements(lambda: order(who, (jam, 1)))
    assert _statements(lambda: order(who, (tea, 1))) == plain + 1
    moves.cancel_order(request(who.caller, order(who, (jam, 1)).id))
    confirmed = confirm(person(is_staff=True, role="owner"), other.id)
    assert confirmed.status == "placed"
    assert _statements(lambda: order(who, (tea, 1))) == plain


def _statements(work: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as seen:
        work()
    return len(seen)


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
    assert _expire() == 0


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
    assert _expire() == 1
    assert (balance(jam), status(held.id)) == ((5, 0), "expired")
    assert confirm(clerk, held.id).status == "placed"
    assert balance(jam) == (2, 3)
    assert events(held.id)[-1] == ("confirmed", "expired", "placed")


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
    assert [(one["product"], one["available"]) for one in refused.value.lines] == [(jam, 0)]
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


def test_a_partly_released_order_is_expired_and_cancelled_like_others(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam, tea = product(stock=5), product(stock=5)
    first, second = hold(person(), (jam, 1), (tea, 2)), hold(person(), (jam, 1), (tea, 2))
    pass_seconds(SECONDS, [first.id, second.id])
    order(person(), (jam, 5))
    moves.cancel_order(request(clerk.caller, first.id))
    assert (status(first.id), balance(tea)) == ("cancelled", (5, 0))
    assert _expire() == 1
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
    _expire()
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
    for lines, note in (([Wanted(jam, 1)], ""), (None, "ring twice")):
        with pytest.raises(InvalidTransition):
            changes.change_order(
                request(who.caller, held.id),
                terms=GBP,
                lines=lines,
                details={"note": note} if note else {},
            )


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
    asked = request(clerk.caller, held.id)
    with pytest.raises(StaleVersion):
        confirm_order(replace(asked, version=held.version + 1))
    assert confirm_order(replace(asked, version=held.version)).order.status == "placed"


def test_an_unknown_order_and_a_cart_are_not_confirmed(person: MakePerson, clerk: Person) -> None:
    cart = ensure_draft(person().id, currency="GBP", now=datetime.now(UTC))
    for id in (uuid4(), cart):
        with pytest.raises(NotFound):
            confirm(clerk, id)


def test_a_confirmation_with_a_key_is_repeated_by_it(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam, who = product(stock=5), person()
    held = hold(who, (jam, 3))
    scope = Scope(clerk.customer.public_id, f"POST /api/v1/orders/{held.id}/confirm", "k1")
    asked = replace(request(clerk.caller, held.id), claim=Claim(scope, b"1", str(held.id)))
    first, second = confirm_order(asked), confirm_order(asked)
    assert (first.replayed, second.replayed) == (False, True)
    moves.cancel_order(request(clerk.caller, held.id))
    assert confirm_order(asked).order.status == "cancelled"
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
    asked = replace(request(clerk.caller, held.id), claim=Claim(scope, b"1", str(held.id)))
    with pytest.raises(HoldExpired):
        confirm_order(asked)
    moves.cancel_order(request(clerk.caller, taken.id))
    assert not confirm_order(asked).replayed
    assert balance(jam) == (0, 3)


def test_a_submitted_cart_is_held(person: MakePerson, product: MakeProduct, clerk: Person) -> None:
    jam, who = product(stock=5), person()
    cart.put_lines(who.id, [Wanted(jam, 2)], currency="GBP", now=datetime.now(UTC))
    asked = Placement(
        customer=who.id,
        actor=who.customer.public_id,
        lines=(),
        cart=CartShown(),
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
    found = place_orders(
        [held_by(who, (jam, 1)), plain, held_by(who, (jam, 2)), held_by(who, (jam, 1))],
        terms=GBP,
        now=datetime.now(UTC),
    )
    kinds = [one.order.status if isinstance(one, Placed) else one.code for one in found]  # type: ignore[attr-defined]
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
    assert [one[0] for one in ledger(jam)[1:]] == ["hold", "release", "counted"]


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
    found = place_orders(asked, terms=GBP, now=datetime.now(UTC))
    assert [isinstance(one, Placed) for one in found] == [True, True, False]
    assert balance(jam) == (0, 4)
    assert _expire() == 2


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
    assert _expire() == 0
    assert queries.order(first.id, customer=None).status == "pending"
    assert balance(jam) == (0, 5)
    with pytest.raises(HoldExpired):
        confirm(clerk, first.id)
    pass_seconds(7200, [first.id, second.id])
    assert _expire() == 2
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
    assert hold_expiry.expire_due() == 4


def test_the_expiry_crosses_in_and_out_of_stock_as_other_movements_do(
    person: MakePerson, product: MakeProduct
) -> None:
    jam = product(stock=3)
    held = hold(person(), (jam, 3))
    before = _told(jam)
    pass_seconds(SECONDS, [held.id])
    _expire()
    assert _told(jam) == before + 1


def _told(product: int) -> int:
    ((count,),) = database.rows(
        "SELECT count(*) FROM product_change WHERE product_id = %s", [product]
    )
    return int(count)


def test_metrics_have_the_open_holds_and_the_delay_of_the_worker(
    person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(stock=9), person()

    def seen() -> tuple[float, float]:
        held, late = (one.samples[0].value for one in shop_state._holds())
        return held, late

    assert seen() == (0, 0)
    ids = [hold(who, (jam, 1)).id for _ in range(3)]
    assert seen() == (3, 0)
    pass_seconds(SECONDS + 60, ids[:1])
    held, late = seen()
    assert (held, 60 <= late < 120) == (2, True)
    _expire()
    assert seen() == (2, 0)


# --- Limits ---------------------------------------------------------------------------------


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
    assert refused.value.left.name == "holds"
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
    assert refused.value.left.name == "held_units"
    hold(who, (jam, 4))
    with pytest.raises(QuotaExceeded):
        hold(who, (jam, 1))


def test_an_order_larger_than_the_quota_is_refused_and_takes_none_of_it(
    few: None, person: MakePerson, product: MakeProduct
) -> None:
    jam, tea, who = product(stock=90), product(stock=90), person()
    asked = [held_by(who, *lines) for lines in ([(jam, 6), (tea, 5)], [(jam, 10)])]
    large, full = place_orders(asked, terms=GBP, now=datetime.now(UTC))
    assert isinstance(large, HoldTooLarge)
    assert (large.limit, large.requested) == (10, 11)
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
    assert refused.value.left.name == "holds"
