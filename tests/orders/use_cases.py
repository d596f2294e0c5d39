"""The use cases of orders, and others that claim a key, each with the locks that it takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from larder.core.ids import new_id
from larder.db.idempotency import Claim, Scope
from larder.identity.queries import with_rights
from larder.identity.services import addresses, keys
from larder.inventory.services.adjustments import AdjustmentLine, Cause, adjust_stock
from larder.orders.decision import RequestedLine
from larder.orders.payment_state import Kind
from larder.orders.services import (
    abandon,
    cart,
    changes,
    expire_holds,
    moves,
    payments,
)
from larder.orders.services.batches import confirm_order, place_order
from larder.orders.services.placing import place_batch
from larder.orders.services.placing.placement import ExpectedCart, Hold, Placement
from tests.conftest import Person
from tests.orders.holding import (
    GBP,
    SECONDS,
    hold,
    order,
    pass_seconds,
    request,
)


@dataclass(frozen=True)
class Shop:
    """A customer, a member of staff and two products."""

    who: Person
    clerk: Person
    jam: int
    tea: int

    @property
    def now(self) -> datetime:
        """The current time."""
        return datetime.now(UTC)

    def claim(self, result: object = "") -> Claim:
        """A new key."""
        return Claim(Scope(self.who.customer.public_id, "test", str(uuid4())), b"1", str(result))

    def filled(self) -> UUID:
        """The id of the customer's cart, which has lines."""
        lines = [RequestedLine(self.jam, 1), RequestedLine(self.tea, 1)]
        cart.put_lines(self.who.id, lines, now=self.now)
        return cart.ensure_cart(self.who.id, now=self.now)

    def placement(self, **how: Any) -> Placement:
        """A request of the customer with a key."""
        defaults: dict[str, Any] = {"lines": [], "key": str(uuid4()), "operation": "test"}
        actor = self.who.customer.public_id
        return Placement(customer=self.who.id, actor=actor, **(defaults | how))

    def capture(self, of: UUID, units: str, age: timedelta = timedelta()) -> payments.NewPayment:
        """A payment that a provider reports."""
        return payments.NewPayment(
            provider="stripe",
            kind=Kind.CAPTURED,
            transaction_id=str(uuid4()),
            intent=str(uuid4()),
            amount=int(units),
            currency="GBP",
            at=self.now - age,
            order=of,
        )


UseCase = Callable[[Shop], Callable[[], object]]
"""Prepares a use case, and returns a function that runs it."""


def place_with_id(shop: Shop) -> Callable[[], object]:
    lines = [RequestedLine(shop.tea, 1), RequestedLine(shop.jam, 1)]
    asked = shop.placement(lines=lines, order_id=new_id(), hold=Hold(SECONDS))
    return lambda: place_order(asked, terms=GBP, now=shop.now)


def submit_cart(shop: Shop) -> Callable[[], object]:
    shop.filled()
    asked = shop.placement(cart=ExpectedCart(), hold=Hold(SECONDS))
    return lambda: place_order(asked, terms=GBP, now=shop.now)


def find_lost_commit(shop: Shop) -> Callable[[], object]:
    return lambda: place_batch._was_committed(shop.jam, new_id())


def confirm(shop: Shop) -> Callable[[], object]:
    held = hold(shop.who, (shop.jam, 1), (shop.tea, 1)).id
    pass_seconds(SECONDS, [held])
    expire_holds.expire_holds(now=shop.now, limit=10)
    asked = replace(request(with_rights(shop.clerk.caller), held), claim=shop.claim(held))
    return lambda: confirm_order(asked)


def cancel_held(shop: Shop) -> Callable[[], object]:
    held = hold(shop.who, (shop.jam, 1)).id
    asked = replace(request(shop.who.caller, held), claim=shop.claim(held))
    return lambda: moves.cancel_order(asked)


def change_lines(shop: Shop) -> Callable[[], object]:
    placed = order(shop.who, (shop.jam, 1)).id
    asked = replace(request(shop.who.caller, placed), claim=shop.claim(placed))
    lines = [RequestedLine(shop.tea, 1), RequestedLine(shop.jam, 2)]
    return lambda: changes.change_order(asked, terms=GBP, lines=lines)


def record_payment(shop: Shop) -> Callable[[], object]:
    held = hold(shop.who, (shop.jam, 1)).id
    payment, caller = shop.capture(held, "150"), shop.clerk.caller
    return lambda: payments.record_payment(held, payment, caller=caller, now=shop.now)


def record_by_hand(shop: Shop) -> Callable[[], object]:
    held, caller = hold(shop.who, (shop.jam, 1)).id, shop.clerk.caller
    payment = replace(shop.capture(held, "150"), by_hand=True, claim=shop.claim())
    return lambda: payments.record_payment(held, payment, caller=caller, now=shop.now)


def receive_payment(shop: Shop) -> Callable[[], object]:
    held = hold(shop.who, (shop.jam, 1)).id
    return lambda: payments.receive_payment(shop.capture(held, "150"), now=shop.now)


def receive_payment_of_cart(shop: Shop) -> Callable[[], object]:
    report = shop.capture(shop.filled(), "150", age=2 * payments.KEPT_AFTER)
    return lambda: payments.receive_payment(report, now=shop.now)


def abandon_cart(shop: Shop) -> Callable[[], object]:
    id, who = shop.filled(), shop.who.caller
    return lambda: abandon.abandon_id(id, who=who, now=shop.now)


def abandon_key(shop: Shop) -> Callable[[], object]:
    who = shop.who.caller
    return lambda: abandon.abandon_key(str(uuid4()), who=who, now=shop.now)


def expire(shop: Shop) -> Callable[[], object]:
    pass_seconds(SECONDS, [hold(shop.who, (shop.jam, 1)).id])
    return lambda: expire_holds.expire_holds(now=shop.now, limit=10)


def expire_cart(shop: Shop) -> Callable[[], object]:
    shop.filled()
    return lambda: cart.expire_carts(now=shop.now + timedelta(days=99), limit=10)


def put_lines(shop: Shop) -> Callable[[], object]:
    return lambda: cart.put_lines(shop.who.id, [RequestedLine(shop.jam, 1)], now=shop.now)


def put_line(shop: Shop) -> Callable[[], object]:
    return lambda: cart.put_line(shop.who.id, RequestedLine(shop.jam, 2), now=shop.now)


def remove_line(shop: Shop) -> Callable[[], object]:
    shop.filled()
    return lambda: cart.remove_line(shop.who.id, shop.jam, now=shop.now)


def delete_cart(shop: Shop) -> Callable[[], object]:
    shop.filled()
    return lambda: cart.delete_cart(shop.who.id)


def make_cart(shop: Shop) -> Callable[[], object]:
    return lambda: cart.ensure_cart(shop.who.id, now=shop.now)


def add_unit(shop: Shop) -> Callable[[], object]:
    return lambda: cart.add_unit(shop.who.id, shop.jam, now=shop.now)


def remove_unit(shop: Shop) -> Callable[[], object]:
    shop.filled()
    return lambda: cart.remove_unit(shop.who.id, shop.jam, now=shop.now)


def create_key(shop: Shop) -> Callable[[], object]:
    return lambda: keys.create_key(shop.who.caller, "till", now=shop.now, claim=shop.claim())


def add_address(shop: Shop) -> Callable[[], object]:
    fields, claim = {"line1": "1 High Street"}, shop.claim()
    return lambda: addresses.add_address(shop.who.caller, fields, now=shop.now, claim=claim)


def adjust(shop: Shop) -> Callable[[], object]:
    lines, who, claim = [AdjustmentLine(shop.jam, delta=1)], shop.clerk.caller, shop.claim()
    return lambda: adjust_stock(lines, Cause("received"), caller=who, now=shop.now, claim=claim)


USE_CASES: Mapping[UseCase, str] = {
    place_with_id: "key quota stock",
    submit_cart: "key cart quota stock",
    find_lost_commit: "stock",
    confirm: "key order stock",
    cancel_held: "key order quota stock",
    change_lines: "key order quota stock",
    record_payment: "payment order",
    record_by_hand: "payment key order",
    receive_payment: "payment order",
    receive_payment_of_cart: "payment key cart",
    abandon_cart: "key cart quota",
    abandon_key: "key quota",
    expire: "order stock",
    expire_cart: "cart",
    put_lines: "cart",
    put_line: "cart",
    remove_line: "cart",
    delete_cart: "cart",
    make_cart: "cart",
    add_unit: "cart",
    remove_unit: "cart",
    create_key: "key account quota",
    add_address: "key account quota",
    adjust: "key stock",
}
"""The use cases, each with the locks that one of its transactions takes."""
