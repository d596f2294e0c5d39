"""The values of placing: an `OrderRequest` becomes `Accepted` or a refusal, and then `Placed`."""

from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from larder.core.errors import CHOSEN_ID, IDEMPOTENCY_KEY, DomainError, KeyReused, NotFound
from larder.core.ids import SYSTEM_ACTOR, new_id
from larder.core.money import to_payable
from larder.db.idempotency import Claim, Earlier, Scope, fingerprint
from larder.identity.services.audit import StaffActing
from larder.identity.services.quotas import Remaining
from larder.orders.decision import RequestedLine, add_up
from larder.orders.errors import OrderAbandoned
from larder.orders.models import OrderStatus
from larder.orders.queries import LineView, OrderView
from larder.orders.queries.carts import CartRow, CartVersion
from larder.orders.services.transitions import Moved, TransitionRequest

ORDER_ID = "order-id"
"""The operation of claims of ids that clients choose. Ids are global, so the claim has no actor."""

ABANDONED = "abandoned"
"""The result of a claim that prevents orders with an id or a key. It does not expire."""


def mark_of(actor: UUID) -> bytes:
    """Returns the fingerprint of the claims that an actor abandoned."""
    return fingerprint(ABANDONED, str(actor))


class Hold(Struct, frozen=True):
    """The order awaits its payment for `seconds`. `requested_seconds` are those of the request."""

    seconds: int
    requested_seconds: int | None = None


class Placement(Struct, frozen=True, kw_only=True):
    """A request to place an order.

    `order_id` is the client's id for the order, if it sent one; `actor` the public id of the
    caller, who may be staff who place it for the customer; `operation` the method and path of
    `key`. `cart` places the customer's cart with its lines; then `lines` is empty and no id can be
    chosen. `acting` is the member of staff who places it for the customer; None for the customer's
    own order, which counts for the customer's limits. With `hold`, the order is pending until it is
    confirmed.
    """

    customer: int
    actor: UUID
    lines: Sequence[RequestedLine]
    note: str = ""
    reference: str = ""
    ship_to: dict[str, Any] | None = None
    requested_for: date | None = None
    order_id: UUID | None = None
    key: str | None = None
    operation: str = ""
    cart: "ExpectedCart | None" = None
    acting: StaffActing | None = None
    hold: Hold | None = None

    @property
    def expected_total(self) -> Decimal | None:
        """The total of the cart that the customer was shown."""
        return self.cart.total if self.cart else None


class ExpectedCart(Struct, frozen=True):
    """The version and total of the cart that the customer was shown, if the client sent them. A
    cart that differs is refused."""

    version: CartVersion | None = None
    total: Decimal | None = None


class Placed(Struct, frozen=True):
    """The current order, whether this request repeats an earlier one, and the remaining quota of
    its customer, if the order counts for one."""

    order: OrderView
    replayed: bool
    remaining: Remaining | None = None


class Terms(Struct, frozen=True, kw_only=True):
    """The shop's terms for all orders: the currency (ISO 4217) and the minimum total. With
    `own_hold`, customers' own orders await their payment even if they do not ask for it.
    `unpaid_units` is how many units a customer may order in a day without paying; None for any."""

    currency: str
    minimum_total: Decimal = Decimal(0)
    own_hold: Hold | None = None
    unpaid_units: int | None = None


class CartChanged(Exception):
    """The cart is not the one that the request has read. Nothing was placed."""


class Skipped(Exception):
    """Another transaction has locked the stock of these products. The order was not decided."""

    def __init__(self, products: Set[int]) -> None:
        super().__init__(products)
        self.products = products


class OrderRequest(Struct, frozen=True, eq=False):
    """A request to place an order, with the ids of the order and its event, and what it claims: its
    key and its id. `cart` is the cart that is placed, as it was read; None for other orders.
    `lines` are those to place. Two requests are never equal."""

    placement: Placement
    now: datetime
    id: UUID
    event: UUID
    claims: Sequence[Claim]
    cart: CartRow | None
    lines: Sequence[RequestedLine]

    @property
    def size(self) -> int:
        """How many lines it has."""
        return len(self.lines)

    @property
    def names(self) -> list[object]:
        """Values that no two orders of a transaction may share: scopes, and the customer's cart."""
        carts = [] if self.cart is None else [self.cart.customer]
        return [*(claim.scope for claim in self.claims), *carts]

    @property
    def counts_for(self) -> int | None:
        """The customer for whose limits it counts."""
        return self.placement.customer if self.placement.acting is None else None


class Accepted(NamedTuple):
    """An order that is placed. In its view, the number and the ids of lines are those of its cart,
    or 0. `remaining` is what it leaves of a quota, `numbers` its number and its lines' ids."""

    order: OrderRequest
    view: OrderView
    remaining: Remaining | None = None
    numbers: tuple[int, Sequence[int]] = (0, ())


Request = OrderRequest | TransitionRequest
"""A request to place an order, or to confirm one."""

Result = Placed | Moved
Answer = Result | Exception


def new_order(placement: Placement, now: datetime, cart: CartRow | None = None) -> OrderRequest:
    """Returns the order with its ids and claims. An order that was a cart has the cart's id, and
    its lines; with the price when they were added, if the request has a total. Writes nothing."""
    id = placement.order_id or (cart and cart.id) or new_id()
    lines, is_compared = placement.lines, placement.expected_total is not None
    if cart is not None:
        lines = [
            RequestedLine(line.product, line.quantity, line.unit_price if is_compared else None)
            for line in cart.lines
        ]
    claims: list[Claim] = []
    if placement.order_id is not None or placement.key is not None:
        content = _content_of(placement)
        if placement.order_id is not None:
            claims.append(Claim(Scope(SYSTEM_ACTOR, ORDER_ID, str(id)), content, str(id)))
        if placement.key is not None:
            scope = Scope(placement.actor, placement.operation, placement.key)
            claims.append(Claim(scope, fingerprint(placement.order_id, content.hex()), str(id)))
    return OrderRequest(placement, now, id, new_id(), claims, cart, lines)


def _content_of(placement: Placement) -> bytes:
    """Returns the fingerprint that recognises a repeat. It does not contain the cart's id: the key
    is for the customer's present cart."""
    expected = sorted(
        (line.product, f"{line.expected_price:.3f}")
        for line in placement.lines
        if line.expected_price is not None
    )
    total = placement.expected_total
    return fingerprint(
        placement.customer,
        # The order and the number of the lines do not count.
        sorted(add_up(placement.lines).items()),
        expected,
        None if total is None else f"{total:.3f}",
        (placement.note, placement.reference, placement.ship_to, placement.requested_for),
        None if placement.hold is None else ("hold", placement.hold.requested_seconds),
    )


def answer_to_repeat(
    order: OrderRequest, uses: Sequence[tuple[Claim, Earlier]], views: Mapping[UUID, OrderView]
) -> Placed | DomainError:
    """Returns the answer to a request whose id or key was used: the current order, only to its
    owner, if the request has the same content as the one that placed it. What was sent for an id
    that no client claimed is not stored: then it is what the order has now."""
    placed = [(claim, use) for claim, use in uses if use.result != ABANDONED]
    if uses and not placed:
        # The id may be that of another customer, who abandoned it.
        marks = {use.fingerprint for _, use in uses}
        return OrderAbandoned() if marks == {mark_of(order.placement.actor)} else NotFound()
    differing = [claim.scope for claim, use in placed if use.fingerprint != claim.fingerprint]
    if any(scope.operation != ORDER_ID for scope in differing):
        names = [CHOSEN_ID if it.operation == ORDER_ID else IDEMPOTENCY_KEY for it in differing]
        return KeyReused(names)
    view = views.get(UUID(placed[0][1].result) if placed else order.id)
    if view is None or view.customer != order.placement.customer:
        return NotFound()
    is_same = not differing if placed else _has_content(view, order)
    return Placed(view, replayed=True) if is_same else KeyReused([CHOSEN_ID])


def _has_content(view: OrderView, order: OrderRequest) -> bool:
    units = {line.product: line.quantity for line in view.lines}
    details = ("note", "reference", "ship_to", "requested_for")
    same_details = [getattr(view, name) == getattr(order.placement, name) for name in details]
    return units == add_up(order.lines) and all(same_details)


def hold_of(placement: Placement, terms: Terms) -> Hold | None:
    """Returns how an order that costs something awaits its payment: as the request asks, or as the
    shop wants it of customers' own orders; None if it is placed at once."""
    return placement.hold or (terms.own_hold if placement.acting is None else None)


def view_of(
    order: OrderRequest, lines: list[LineView], terms: Terms, *, begins: datetime, now: datetime
) -> OrderView:
    """Returns the order as it will be placed. The number, and the ids of lines, are those of its
    cart, or 0: the database gives them.

    Holds begin at `begins`, the time of the database under the locks. An order that costs nothing
    has none: no payment would confirm it.
    """
    placement, former = order.placement, order.cart or CartRow(order.placement.customer)
    total = sum([line.line_total for line in lines], Decimal(0))
    hold, expires_at = hold_of(placement, terms), None
    if hold is not None and to_payable(total, terms.currency):
        expires_at = begins + timedelta(seconds=hold.seconds)
    if ids := {line.product: line.id or 0 for line in former.lines}:
        lines = [replace(line, id=ids[line.product]) for line in lines]
    return OrderView(
        id=order.id,
        number=former.number or 0,
        customer=placement.customer,
        status=OrderStatus.PLACED if expires_at is None else OrderStatus.PENDING,
        currency=terms.currency,
        total=total,
        note=placement.note,
        reference=placement.reference,
        requested_for=placement.requested_for,
        created_at=former.created_at or now,
        placed_at=now,
        updated_at=now,
        version=former.version + 1,
        expires_at=expires_at,
        ship_to=placement.ship_to,
        lines=lines,
    )
