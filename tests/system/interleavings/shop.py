"""A shop in which sessions hold, order, confirm, cancel, pay and count."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from larder.catalog.services.products import create_product
from larder.core.errors import DomainError
from larder.core.ids import SYSTEM_ACTOR, new_id
from larder.db import database
from larder.db.idempotency import Claim, Scope, fingerprint
from larder.identity.queries import with_rights
from larder.inventory.services.adjustments import AdjustmentLine, Cause, adjust_stock
from larder.inventory.services.movements import open_stock
from larder.orders.decision import RequestedLine
from larder.orders.payment_state import Kind
from larder.orders.services import moves
from larder.orders.services.batches import confirm_order, place_order
from larder.orders.services.expire_holds import expire_holds
from larder.orders.services.payments import KEPT_AFTER, NewPayment, receive_payment
from larder.orders.services.placing.placement import Hold, Placement, Terms
from larder.orders.services.transitions import TransitionRequest
from tests.conftest import Person
from tests.orders.holding import GBP, SECONDS, Line
from tests.orders.placing import place_orders
from tests.system.interleavings.clock import Clock
from tests.system.interleavings.exploring import Play

Call = Callable[[], object]
Lines = tuple[Line, ...]

_SEEN = """
SELECT (SELECT array_agg(available || '+' || committed ORDER BY product_id) FROM stock
        WHERE product_id = ANY(%s::bigint[])),
       (SELECT array_agg(concat_ws(' ', status, total, captured, refunded) ORDER BY status, total)
        FROM "order" WHERE id IN (
            SELECT order_id FROM order_line WHERE product_id = ANY(%s::bigint[]))),
       (SELECT sum(amount) FROM refund_due WHERE "order" IN (
            SELECT order_id FROM order_line WHERE product_id = ANY(%s::bigint[])))
"""


@dataclass(slots=True)
class Shop:
    """A shop with two customers and a member of staff, and the calls of sessions."""

    clock: Clock
    first: Person
    other: Person
    clerk: Person

    def product(self, stock: int) -> int:
        """A new product."""
        now, sku = self.clock.now, str(new_id())[-30:]
        product = create_product(
            {"sku": sku, "name": sku, "price": Decimal("1.50")}, caller=None, now=now
        )
        open_stock({product: stock}, actor=SYSTEM_ACTOR, now=now)
        return product

    def held(self, *lines: Line) -> UUID:
        """A new order that awaits its payment."""
        return self._place(self.first, lines, hold=True)

    def ordering(
        self, *lines: Line, hold: bool = False, terms: Terms = GBP, apart: bool = False
    ) -> Call:
        """The other customer orders, `apart` as in another process."""
        return lambda: self._place(self.other, lines, hold, terms, apart=apart) and None

    def _place(
        self, who: Person, lines: Lines, hold: bool, terms: Terms = GBP, *, apart: bool = False
    ) -> UUID:
        asked = Placement(
            customer=who.id,
            actor=who.customer.public_id,
            lines=[RequestedLine(product, units) for product, units in lines],
            hold=Hold(SECONDS) if hold else None,
        )
        if not apart:
            return place_order(asked, terms=terms, now=self.clock.now).order.id
        (answer,) = place_orders([asked], terms=terms, now=self.clock.now)
        if isinstance(answer, Exception):
            raise answer
        return answer.order.id

    def confirming(self, order: UUID, *, key: str = "") -> Call:
        """Staff confirm an order."""
        who = with_rights(self.clerk.caller)
        scope = Scope(who.public_id, "confirm", f"{order} {key}")
        claim = Claim(scope, fingerprint(order), str(order)) if key else None
        asked = TransitionRequest(order=order, caller=who, now=self.clock.now, claim=claim)

        return lambda: confirm_order(asked) and None

    def cancelling(self, order: UUID) -> Call:
        """The customer cancels an order."""
        asked = TransitionRequest(order=order, caller=self.first.caller, now=self.clock.now)
        return lambda: moves.cancel_order(asked) and None

    def capturing(self, order: UUID, amount: int) -> Call:
        """A provider reports a payment."""
        return self._reporting(order, Kind.CAPTURED, amount, named=order)

    def refunding(self, order: UUID, amount: int) -> Call:
        """A provider reports an old refund of this payment, which names no order."""
        return self._reporting(order, Kind.REFUNDED, amount)

    def _reporting(self, order: UUID, kind: Kind, amount: int, named: UUID | None = None) -> Call:
        paid = NewPayment(
            provider="stripe",
            kind=kind,
            transaction_id=str(order),
            intent=str(order),
            amount=amount,
            currency="GBP",
            at=self.clock.now - (timedelta(0) if named else 2 * KEPT_AFTER),
            order=named,
        )
        return lambda: receive_payment(paid, now=self.clock.now) and None

    def counting(self, product: int, units: int) -> Call:
        """Staff count the units on the shelf."""
        who, line = with_rights(self.clerk.caller), AdjustmentLine(product, counted=units)
        return lambda: adjust_stock([line], Cause("count"), caller=who, now=self.clock.now) and None

    def expiring(self) -> None:
        """The job writes the expiry of holds. Its answer does not matter: what it leaves, the next
        run writes."""
        expire_holds(now=self.clock.now, limit=10)

    def _settle(self) -> None:
        """Lets all holds expire, so that none is there in the next run."""
        self.clock.set(9 * SECONDS)
        self.expiring()

    def play(
        self, *products: int, expiry: int = SECONDS, is_late: bool = False, **calls: Call
    ) -> Play:
        """A run of these sessions. It begins a second before the expiry, or after it."""
        self.clock.set(expiry + is_late * 2 - 1)

        def outcome(answers: Mapping[str, object]) -> object:
            ((stock, orders, refunds),) = database.rows(_SEEN, [list(products)] * 3)
            said = [_said(answer, products) for _, answer in sorted(answers.items())]
            return (*said, stock, orders, refunds and int(refunds))

        return Play(
            calls,
            products,
            tick=None if is_late else lambda: self.clock.set(expiry + 1),
            settle=self._settle,
            outcome=outcome,
        )


def _said(answer: object, products: Sequence[int]) -> str:
    """Returns the answer, with the place of a product for its id: each run has other ids."""
    if not isinstance(answer, DomainError):
        return repr(answer) if isinstance(answer, Exception) else str(answer or "ok")
    said = str(answer)
    for place, product in enumerate(products):
        said = said.replace(f"'product': {product}", f"'product': #{place}")
    return said
