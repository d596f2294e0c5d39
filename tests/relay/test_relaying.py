"""The relay tells what was committed, in order, and nothing else."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from uuid import UUID, uuid4

import psycopg
import pytest

from larder.catalog.services.products import archive_product
from larder.db import database
from larder.orders.payment_state import Kind
from larder.orders.services.moves import cancel_order
from larder.orders.services.payments import NewPayment, receive_payment
from larder.relay.channels import Event
from larder.relay.models import Delivery, RelayMark
from larder.relay.queries import ORDER_EVENTS
from larder.relay.services.relaying import MarkMoved, Relay
from tests.conftest import Person
from tests.database import before
from tests.db.feeds import transaction
from tests.orders.holding import confirm, expire, hold, order, pass_seconds, request
from tests.relay.listening import ADD_EVENT, Listener, relay_all, started, told

pytestmark = pytest.mark.django_db(transaction=True)

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]


def of_orders() -> list[tuple[str, str]]:
    return [(type, object) for type, object in told() if not type.startswith("stock.")]


def capture(of: UUID, amount: int) -> None:
    now = datetime.now(UTC)
    receive_payment(
        NewPayment(
            provider="stripe",
            kind=Kind.CAPTURED,
            transaction_id=str(uuid4()),
            amount=amount,
            currency="GBP",
            at=now,
            order=of,
        ),
        now=now,
    )


def test_each_fact_is_told_once_with_its_id(person: MakePerson, product: MakeProduct) -> None:
    who, jam = person(), product(stock=9)
    channel = Listener()
    relay = started(channel)
    placed = order(who, (jam, 1))
    relay_all(relay)
    cancel_order(request(who.caller, placed.id))
    relay_all(relay)
    relay_all(relay)
    assert told() == [("order.placed", str(placed.id)), ("order.cancelled", str(placed.id))]
    stored = [event.id for event in channel.told]
    ((ids,),) = database.rows(
        "SELECT array_agg(id ORDER BY position) FROM order_event WHERE order_id = %s", [placed.id]
    )
    assert stored == ids
    assert {event.customer for event in channel.told} == {who.id}


def test_a_held_order_is_told_as_held_paid_and_placed_or_expired(
    person: MakePerson, product: MakeProduct
) -> None:
    who, clerk, jam = person(), person(is_staff=True, role="owner"), product(stock=9, price="1.50")
    channel = Listener()
    relay = started(channel)
    paid, late, by_staff = (hold(who, (jam, 1)) for _ in range(3))
    capture(paid.id, 150)
    pass_seconds(9999, [late.id])
    expire()
    confirm(clerk, by_staff.id)
    relay_all(relay)
    types: dict[str, list[str]] = {}
    for type, object in of_orders():
        types.setdefault(object, []).append(type)
    assert types == {
        str(paid.id): ["order.held", "payment.recorded", "order.placed"],
        str(late.id): ["order.held", "order.expired"],
        str(by_staff.id): ["order.held", "order.placed"],
    }
    (payment,) = [event for event in channel.told if event.type == "payment.recorded"]
    assert payment.data["payment"].keys() == {"provider", "kind", "transaction_id"}


def test_what_is_rolled_back_is_never_told_and_what_commits_late_is(
    person: MakePerson, product: MakeProduct
) -> None:
    placed = order(person(), (product(), 1)).id
    relay = started(Listener())
    late, rolled_back, early = uuid4(), uuid4(), uuid4()
    with transaction() as slow:
        slow.execute(ADD_EVENT, [late, placed, "changed"])
        with transaction() as other:
            other.execute(ADD_EVENT, [rolled_back, placed, "changed"])
            other.rollback()
        with transaction() as other:
            other.execute(ADD_EVENT, [early, placed, "changed"])
        while relay.once(now=datetime.now(UTC)):
            pass
        assert told() == []
    relay_all(relay)
    assert list(Delivery.objects.order_by("id").values_list("event", flat=True)) == [late, early]


def test_the_events_of_an_order_are_told_in_order_though_the_feed_has_another(
    person: MakePerson, product: MakeProduct
) -> None:
    """A transaction that has an id early may get the lock of the order late."""
    placed = order(person(), (product(), 1)).id
    relay = started(Listener())
    first, second = uuid4(), uuid4()
    with transaction() as waits:
        waits.execute("SELECT pg_current_xact_id()")
        with transaction() as open_between:
            open_between.execute("SELECT pg_current_xact_id()")
            with transaction() as holds:
                holds.execute(ADD_EVENT, [first, placed, "changed"])
            waits.execute(ADD_EVENT, [second, placed, "cancelled"])
            waits.commit()
            # Now the feed has the second event, and not yet the first.
            relay.once(now=datetime.now(UTC))
            ahead = Delivery.objects.count()
    relay = Relay([Listener()])
    relay_all(relay)
    assert list(Delivery.objects.order_by("id").values_list("event", flat=True)) == [first, second]
    assert ahead in {0, 2}


def test_events_of_an_aborted_relay_are_told_by_the_next_with_the_same_ids(
    person: MakePerson, product: MakeProduct
) -> None:
    who, jam = person(), product()
    started(Listener())
    order(who, (jam, 1))

    class Breaking(Listener):
        def fan_out(self, events: Sequence[Event]) -> list[tuple[Event, str]]:
            super().fan_out(events)
            raise psycopg.OperationalError

    broken = Breaking()
    with pytest.raises(psycopg.OperationalError):
        relay_all(Relay([Listener(), broken]))
    assert told() == []
    channel = Listener()
    relay_all(Relay([channel]))
    assert [event.id for event in channel.told] == [event.id for event in broken.told]
    assert Delivery.objects.count() == 1


def test_of_two_relays_one_tells(person: MakePerson, product: MakeProduct) -> None:
    who, jam = person(), product()
    first = started(Listener())
    order(who, (jam, 1))
    second = partial(relay_all, Relay([Listener()]))
    with before('UPDATE "relay_mark"', second), pytest.raises(MarkMoved):
        relay_all(first)
    assert len(told()) == 1


def test_a_target_is_told_what_is_committed_after_it_was_added(
    person: MakePerson, product: MakeProduct
) -> None:
    who, jam = person(), product()
    channel = Listener(types=())
    relay = started(channel)
    order(who, (jam, 1))
    relay_all(relay)
    channel.types = ["order.placed"]
    placed = order(who, (jam, 1))
    relay_all(relay)
    assert told() == [("order.placed", str(placed.id))]


def test_the_relay_of_a_replaced_database_begins_at_its_end(
    person: MakePerson, product: MakeProduct
) -> None:
    who, jam = person(), product()
    started(Listener())
    RelayMark.objects.update(epoch="another")
    order(who, (jam, 1))
    relay = Relay([Listener()])
    relay_all(relay)
    relay_all(relay)
    assert told() == []
    placed = order(who, (jam, 1))
    relay_all(relay)
    assert told() == [("order.placed", str(placed.id))]


def test_a_refund_is_told_when_it_is_due_and_when_it_grows(
    person: MakePerson, product: MakeProduct
) -> None:
    placed = order(person(), (product(price="1.50"), 1))
    relay = started(Listener(types=["refund.due"]))

    def look() -> list[str]:
        relay._looked = None
        relay_all(relay)
        return [object for _, object in told()]

    capture(placed.id, 150)
    assert look() == []
    capture(placed.id, 20)
    assert look() == [str(placed.id)]
    assert look() == [str(placed.id)]
    capture(placed.id, 5)
    assert look() == [str(placed.id)] * 2


def test_stock_is_told_when_it_runs_out_is_back_or_low(
    person: MakePerson, product: MakeProduct
) -> None:
    who = person()
    jam, tea = product(stock=2), product(stock=4, low_stock_threshold=3)
    relay = started(Listener())
    product(stock=0)
    ended = [order(who, (jam, 2)), order(who, (tea, 1))]
    relay._looked = None
    relay_all(relay)
    stock = [pair for pair in told() if pair[0].startswith("stock.")]
    assert sorted(stock) == [("stock.low", str(tea)), ("stock.out", str(jam))]
    for placed in ended:
        cancel_order(request(who.caller, placed.id))
    relay._looked = None
    relay_all(relay)
    assert [pair for pair in told() if pair[0] == "stock.back"] == [("stock.back", str(jam))]


def test_a_changed_product_is_told_once(product: MakeProduct, now: datetime) -> None:
    jam = product()
    relay = started(Listener())
    archive_product(jam, caller=None, now=now)
    relay_all(relay)
    relay_all(Relay([Listener()]))
    assert told() == [("product.changed", str(jam))]


def test_the_events_of_orders_are_read_in_the_order_of_the_feeds_index(db: None) -> None:
    rows = database.rows(f"EXPLAIN {ORDER_EVENTS.page(1000)}", ["1", 1])
    plan = "\n".join(line for (line,) in rows)
    assert "Index Scan using order_event_feed" in plan
