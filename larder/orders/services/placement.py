"""What placing takes and gives, and what it carries in between."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from larder.core.ids import SYSTEM_ACTOR, new_id
from larder.db.idempotency import Claim, Scope, fingerprint
from larder.identity.audit import Acting
from larder.identity.quotas import Left
from larder.orders.decision import PricedLine, Wanted, add_up
from larder.orders.queries import OrderView
from larder.orders.services.drafts import Seen

ORDER_ID = "order-id"
"""The operation under which a client-chosen id is claimed, by anybody: ids are global."""


ABANDONED = "abandoned"
"""The result of a claim that keeps an id or a key from placing an order, for ever."""


def mark_of(actor: UUID) -> bytes:
    """Returns the fingerprint of the claims that an actor abandoned."""
    return fingerprint(ABANDONED, str(actor))


class Placement(Struct, frozen=True, kw_only=True):
    """An order somebody wants.

    `order_id` is the id the client chose, if it did; `actor` the public id of who is asking, who
    may be staff placing it for the customer; `operation` the method and path `key` belongs to.
    `draft` places the customer's draft of that id, with the lines in it: then `lines` is empty
    and no id can be chosen. `cart` places the customer's draft, whichever it is then, likewise.
    With `lines_only` a repeat is compared by its lines alone. `acting` is the member of staff who
    places it for the customer; None for the customer's own order.
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
    draft: UUID | None = None
    cart: "CartShown | None" = None
    lines_only: bool = False
    acting: Acting | None = None

    @property
    def is_draft(self) -> bool:
        """Whether what is placed is in a draft."""
        return self.draft is not None or self.cart is not None


@dataclass(frozen=True, slots=True)
class CartShown:
    """What the customer was shown of the cart, as far as they say: it is placed as that only."""

    seen: Seen | None = None
    total: Decimal | None = None


class Placed(Struct, frozen=True):
    """The order as it stands, whether this repeats an earlier placing, and what this one left of
    its customer's quota, if it counts."""

    order: OrderView
    replayed: bool
    left: Left | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the shop asks of every order: its currency (ISO 4217) and the least total."""

    currency: str
    minimum_total: Decimal = Decimal(0)


class HeldDraft(Struct, frozen=True):
    """A draft under its lock: what it keeps when it is placed."""

    number: int
    version: int
    created_at: datetime
    line_ids: Sequence[int]


@dataclass(slots=True)
class Candidate:
    """A placement on its way through the transaction; done when it has an answer.

    `wanted` is what was asked for, or what is in the draft once that is held; `lines` is what is
    sold, and `total` their exact sum. `left` is what was left of the customer's quota when it took
    its unit. `written` is what the order's row has beside that, once it
    is written.
    """

    asked: Placement
    id: UUID
    event: UUID
    lines_fingerprint: bytes
    rest_fingerprint: bytes
    claims: list[Claim]
    wanted: Sequence[Wanted]
    draft: HeldDraft | None = None
    lines: list[PricedLine] = field(default_factory=list)
    total: Decimal = Decimal(0)
    written: HeldDraft | None = None
    left: Left | None = None
    answer: Placed | Exception | None = None

    @property
    def scopes(self) -> list[Scope]:
        """What it claims: its id, its key."""
        return [claim.scope for claim in self.claims]

    @property
    def names(self) -> list[object]:
        """What no other order of a transaction may have: its scopes, its customer's draft."""
        return [*self.scopes, self.asked.customer] if self.asked.is_draft else [*self.scopes]

    @property
    def stock_rows(self) -> frozenset[int]:
        """Which rows of stock it locks, as far as they are known: by product."""
        return frozenset([line.product for line in self.wanted])

    @property
    def cart_rows(self) -> frozenset[Hashable]:
        """Which cart it locks, if it places one."""
        return frozenset([("cart", self.asked.customer)] if self.asked.is_draft else [])

    @property
    def expected_total(self) -> Decimal | None:
        """What the customer was shown as the total."""
        return self.asked.cart.total if self.asked.cart else None

    def sell(self, lines: list[PricedLine]) -> None:
        """It is sold as these lines."""
        self.lines = lines
        self.total = sum([line.total for line in lines], Decimal(0))


def candidate(asked: Placement) -> Candidate:
    """Gives the order its ids and fingerprints, before anything is written."""
    lines = fingerprint_of_lines(asked.lines)
    expected = sorted(
        (one.product, f"{one.expected_price:.3f}")
        for one in asked.lines
        if one.expected_price is not None
    )
    details = (asked.note, asked.reference, asked.ship_to, asked.requested_for)
    rest = fingerprint(asked.customer, details, expected)
    id = asked.draft or asked.order_id or new_id()
    claims = _claims(asked, id, lines + rest)
    return Candidate(asked, id, new_id(), lines, rest, claims, asked.lines)


def fingerprint_of_lines(lines: Sequence[Wanted]) -> bytes:
    """Of the units of each product: neither the order of the lines nor their number counts."""
    return fingerprint(sorted(add_up(lines).items()))


def _claims(asked: Placement, id: UUID, content: bytes) -> list[Claim]:
    """The key of a draft's placing says nothing of which draft: its operation does, or else the
    same request means whichever draft it was that the key placed. That one's id is then not
    known yet, and recorded when it is placed."""
    claims = []
    shown = asked.cart.total if asked.cart else None
    expected = [] if shown is None else [f"{shown:.3f}"]
    if asked.order_id is not None:
        claims.append(Claim(Scope(SYSTEM_ACTOR, ORDER_ID, str(id)), content, str(id)))
    if asked.key is not None:
        scope = Scope(asked.actor, asked.operation, asked.key)
        result = "" if asked.cart else str(id)
        claims.append(Claim(scope, fingerprint(asked.order_id, content.hex(), *expected), result))
    return claims


def unanswered(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Those still on their way."""
    return [one for one in candidates if one.answer is None]
