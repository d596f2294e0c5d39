"""The values of placing: a `NewOrder` becomes an `Accepted` or a refusal, and then a `Placed`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from larder.core.ids import SYSTEM_ACTOR, new_id
from larder.db.idempotency import Claim, Scope, fingerprint
from larder.identity.services.audit import StaffActing
from larder.identity.services.quotas import Remaining
from larder.orders.decision import PricedLine, Wanted, add_up
from larder.orders.queries import OrderView
from larder.orders.queries.carts import CartRow, CartVersion

ORDER_ID = "order-id"
"""The operation of claims of ids that clients choose. Ids are global, so the claim has no actor."""


ABANDONED = "abandoned"
"""The result of a claim that prevents orders with an id or a key. It does not expire."""


def mark_of(actor: UUID) -> bytes:
    """Returns the fingerprint of the claims that an actor abandoned."""
    return fingerprint(ABANDONED, str(actor))


class Hold(Struct, frozen=True):
    """The order awaits its payment for so many seconds. `requested_seconds` are
    those of the request, if it names some."""

    seconds: int
    requested_seconds: int | None = None


class Placement(Struct, frozen=True, kw_only=True):
    """A request to place an order.

    `order_id` is the client's id for the order, if it sent one; `actor` the public id of the
    caller, who may be staff who place it for the customer; `operation` the method and path of
    `key`. `cart` places the customer's cart with its lines; then `lines` is empty and no id can be
    chosen. With `lines_only`, a repeat is compared by its lines only. `acting` is the member of
    staff who places it for the customer; None for the customer's own order. With `hold`, the order
    is pending until it is confirmed.
    """

    customer: int
    actor: UUID
    lines: Sequence[Wanted]
    note: str = ""
    reference: str = ""
    ship_to: dict[str, Any] | None = None
    requested_for: date | None = None
    order_id: UUID | None = None
    key: str | None = None
    operation: str = ""
    cart: "ExpectedCart | None" = None
    lines_only: bool = False
    acting: StaffActing | None = None
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class ExpectedCart:
    """The version and total of the cart that the customer was shown, if the client sent them, and
    the `id` of the cart, if the client names it. A cart that differs is refused."""

    version: CartVersion | None = None
    total: Decimal | None = None
    id: UUID | None = None

    @property
    def named(self) -> UUID | None:
        """The id that the request names, by itself or in the version."""
        return self.version.id if self.version else self.id

    @property
    def is_named(self) -> bool:
        """Whether the request is for one cart, and not for whichever the customer has."""
        return self.version is not None or self.id is not None


class Placed(Struct, frozen=True):
    """The current order, whether this request repeats an earlier one, and the remaining quota of
    its customer, if the order counts for one."""

    order: OrderView
    replayed: bool
    remaining: Remaining | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The shop's terms for all orders: the currency (ISO 4217) and the minimum total. With
    `own_hold`, customers' own orders await their payment even if they do not ask for it.
    `unpaid_units` is how many units a customer may order in a day without paying; None for any."""

    currency: str
    minimum_total: Decimal = Decimal(0)
    own_hold: Hold | None = None
    unpaid_units: int | None = None


class CartChanged(Exception):
    """The cart is not the one that the request has read. Nothing was placed."""


class NewOrder(Struct, frozen=True, eq=False):
    """A request to place an order, with the ids of the order and its event, and what it claims.
    `cart` is the cart that is placed, as it was read; None if there was none.
    Two requests are never equal.
    """

    placement: Placement
    now: datetime
    id: UUID
    event: UUID
    claims: Sequence[Claim] = ()
    cart: CartRow | None = None

    @property
    def lines(self) -> Sequence[Wanted]:
        """The lines to place. Those of a cart have the price when they were added, if the request
        has a total."""
        if self.cart is None:
            return self.placement.lines
        is_compared = self.expected_total is not None
        return [
            Wanted(line.product, line.quantity, line.unit_price if is_compared else None)
            for line in self.cart.lines
        ]

    @property
    def scopes(self) -> list[Scope]:
        """The scopes that it claims: its id, its key."""
        return [claim.scope for claim in self.claims]

    @property
    def names(self) -> Sequence[object]:
        """Values that no two orders of a transaction may share: scopes, and the customer's cart."""
        return (
            self.scopes if self.placement.cart is None else [*self.scopes, self.placement.customer]
        )

    @property
    def expected_total(self) -> Decimal | None:
        """The total that the customer was shown."""
        return self.placement.cart.total if self.placement.cart else None


class Accepted(Struct, frozen=True):
    """An order that is placed, with its priced lines and their exact total; pending until
    `expires_at` if it awaits its payment."""

    order: NewOrder
    lines: Sequence[PricedLine]
    total: Decimal
    expires_at: datetime | None = None

    @property
    def id(self) -> UUID:
        """The id of the order."""
        return self.order.id


class Written(Struct, frozen=True):
    """An order that is written: the values of its row, and the ids of its lines."""

    accepted: Accepted
    row: Mapping[str, Any]
    line_ids: Sequence[int]


Answers = Mapping[NewOrder, Placed | Exception]
"""What some orders are answered."""


def left(orders: Sequence[NewOrder], *answers: Answers) -> list[NewOrder]:
    """Returns the orders that none of these answers."""
    return [order for order in orders if not any(order in answered for answered in answers)]


def new_order(placement: Placement, now: datetime, cart: CartRow | None = None) -> NewOrder:
    """Returns the order with its ids, fingerprints and claims. An order that was a cart has the
    cart's id. Writes nothing."""
    present = cart if cart is not None and cart.id is not None else None
    named = placement.cart.id if placement.cart else None
    id = named or placement.order_id or (present and present.id) or new_id()
    if placement.order_id is None and placement.key is None and placement.cart is None:
        return NewOrder(placement, now, id, new_id())
    claims = _claims(placement, id, _content_of(placement))
    return NewOrder(placement, now, id, new_id(), claims, present)


def _content_of(placement: Placement) -> bytes:
    """Returns the fingerprint that recognises a repeat. It begins with that of the lines."""
    expected = sorted(
        (line.product, f"{line.expected_price:.3f}")
        for line in placement.lines
        if line.expected_price is not None
    )
    details = (placement.note, placement.reference, placement.ship_to, placement.requested_for)
    held = [] if placement.hold is None else [("hold", placement.hold.requested_seconds)]
    rest = fingerprint(placement.customer, details, expected, *held)
    # The order and the number of the lines do not count.
    return fingerprint(sorted(add_up(placement.lines).items())) + rest


def _claims(placement: Placement, id: UUID, content: bytes) -> list[Claim]:
    """Returns the claims of an order: its key and its id.

    The fingerprint of a cart does not contain its id: the operation names it, or the key is for
    the customer's present cart.
    """
    claims = []
    shown = placement.cart.total if placement.cart else None
    expected = [] if shown is None else [f"{shown:.3f}"]
    if placement.order_id is not None:
        claims.append(Claim(Scope(SYSTEM_ACTOR, ORDER_ID, str(id)), content, str(id)))
    if placement.key is not None:
        scope = Scope(placement.actor, placement.operation, placement.key)
        print_of = fingerprint(placement.order_id, content.hex(), *expected)
        claims.append(Claim(scope, print_of, str(id)))
    return claims


def hold_of(placement: Placement, terms: Terms) -> Hold | None:
    """Returns how an order that costs something awaits its payment: as the request asks, or as the
    shop wants it of customers' own orders; None if it is placed at once."""
    is_own = placement.acting is None
    return placement.hold or (terms.own_hold if is_own else None)
