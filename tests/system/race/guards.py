"""The guards of the races, and how the negative controls remove each.

A control removes one guard, in one place. `removal` returns a list of (module, name, replacement):
that place, and what the race needs beside it, which protects nothing. The controls of services
apply it with monkeypatch, those of servers with tests/system/race/unguarded.py.

Where requests have to overlap for the fault, a gate (tests/system/race/gate.py) holds them after
they have read, so that the fault happens each time. These guards have no gate, because the fault
happens in any order: "release" (a repeat of a refused request fails whenever it comes),
"separation of repeats" (the equal requests are in one transaction), "grace" (the second exchange
of a token fails whenever it comes), "write times" (the test sends one request after the other).
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from threading import local
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.db.models import F

from larder.catalog import queries as catalog_queries
from larder.catalog import sql as catalog_sql
from larder.catalog.queries import Offer
from larder.catalog.services import products as catalog
from larder.db import database, idempotency
from larder.db import sql as key_sql
from larder.db.idempotency import Claim, Earlier, Scope
from larder.db.positions import Position
from larder.db.replicas import FreshnessRequirement
from larder.http.read_your_writes import WriteTimes
from larder.identity import sql as identity_sql
from larder.identity.models import Session
from larder.identity.services import sessions
from larder.identity.tokens import Refresh
from larder.identity.tokens.policies import TokenPolicy
from larder.identity.tokens.rotation import Decision, Present, exchange
from larder.inventory import sql as stock_sql
from larder.inventory.services import locks, movements
from larder.inventory.services.movements import Balance
from larder.orders.models import Order
from larder.orders.services import abandon, changes, drafts, transitions
from larder.orders.services import locks as order_locks
from larder.orders.services.locks import lock_orders
from larder.orders.services.placing import locked_drafts, place_batch, place_order
from larder.orders.services.placing.placement import Candidate
from larder.v1 import freshness
from tests.system.race.gate import READ, SPACE

Place = tuple[Any, str, Any]
Removal = list[Place]

HOUR = 3600 * 10**9
"""Nanoseconds."""

UNLOCKED = f"""
SELECT product_id, available, committed, next_expiry FROM stock, ({READ.statement}) AS gate
WHERE product_id = ANY(%s::bigint[]) ORDER BY product_id
"""
"""Reads the rows (a statement's snapshot is taken before it waits) and locks none of them."""

TAKEN_AS_SEEN = (
    identity_sql.TAKE_ATTEMPTS.replace("<= (SELECT room", "> (SELECT -room")
    # Named below: PostgreSQL does not run what nothing reads.
    .replace("), taken AS (", f"), gate AS MATERIALIZED ({READ.statement}), taken AS (")
    .replace("now + spacing FROM seen", "now + spacing FROM seen, gate")
)
"""Takes a try from a bucket, also if another took one since the read."""

SEEN = "(SELECT seen.until FROM rate_limit AS seen WHERE seen.key = held.key)"
TAKEN_AS_QUOTA_SEEN = identity_sql.TAKE_UNITS.replace(
    "WHERE greatest(held.until", f"WHERE greatest({SEEN}"
).replace("ORDER BY key", f"CROSS JOIN ({READ.statement}) AS gate ORDER BY key")
"""Takes units of a quota, also if another took some since the read."""

_UPWARDS = f"SELECT pg_try_advisory_xact_lock({SPACE}, 0)"
_submit_lock = movements.submit_lock


def lock_in_any_order(products: Iterable[int]) -> Callable[[], dict[int, Balance]]:
    """Locks row by row: one transaction upwards, and those beside it downwards. Without ORDER BY
    there is no promise of any order: here is the worst that would be kept."""
    ((upwards,),) = database.rows(_UPWARDS)
    found: dict[int, Balance] = {}
    for one in sorted(set(products), reverse=not upwards):
        found |= _submit_lock([one])()
        READ.wait()
    return lambda: found


_ORDERED = 'ORDER BY actor, operation, key COLLATE "C"'
_CLAIM = "AS claim (actor, operation, key, fingerprint, result, expires_at"
CLAIMED_AS_THEY_COME = key_sql.CLAIM.replace(f"{_CLAIM})", f"WITH ORDINALITY {_CLAIM}, place)")
CLAIMED_AS_THEY_COME = CLAIMED_AS_THEY_COME.replace(
    _ORDERED, f"WHERE place = 1 OR (SELECT count(*) FROM ({READ.statement}) AS gate) = 1"
)
"""Claims the first key, waits, and claims the others."""


def look_then_write(
    claims: Sequence[Claim], *, now: datetime
) -> Callable[[], dict[Scope, Earlier]]:
    """Claims keys without regard to concurrent equal requests: reads first, writes later."""
    earlier = idempotency.find([claim.scope for claim in claims])
    READ.wait()
    _submit_claim(claims, now=now)()
    return lambda: earlier


_submit_claim = idempotency.submit_claim


def claim_nothing(claims: Sequence[Claim], *, now: datetime) -> Callable[[], dict[Scope, Earlier]]:
    """Writes no claim, so that no concurrent equal request waits. Waits after the statements that
    were submitted meanwhile: they look for orders that are there already."""

    def read() -> dict[Scope, Earlier]:
        READ.wait()
        return {}

    return read


def rotate_anyway(session: Session, given: Refresh, policy: TokenPolicy, *, now: datetime) -> bool:
    """Rotates without comparing in the statement that swaps."""
    READ.wait()
    row = Session.objects.filter(id=session.id)
    swapped = row.update(generation=F("generation") + 1, rotated_at=now)
    session.generation += 1
    return bool(swapped)


def rotate_and_save(
    session: Session, given: Refresh, policy: TokenPolicy, *, now: datetime
) -> bool:
    """Writes the whole row of a session as it was read."""
    READ.wait()
    session.generation += 1
    session.save()
    return True


def without_grace(given: int, present: Present, grace: timedelta) -> Decision:
    """Accepts no parent of the present token, however young that is."""
    return exchange(given, present, timedelta(0))


def keep_claims(scopes: Collection[Scope]) -> None:
    """Forgets to give the claims of refused orders back."""


def all_together(
    waiting: Sequence[Candidate],
) -> tuple[list[Candidate], list[Candidate]]:
    """Lets equal keys and ids into one transaction."""
    return list(waiting), []


def find_draft(customer: int) -> Order | None:
    """Finds the draft that is to be changed and does not lock it."""
    found = Order.objects.filter(customer_id=customer, status="draft").first()
    READ.wait()
    return found


def find_orders(ids: Collection[UUID]) -> dict[UUID, Order]:
    """Finds orders and drafts, and does not lock them."""
    rows = database.rows(order_locks._LOCK.replace("FOR UPDATE", ""), [list(ids)])
    found = {one.id: one for one in map(order_locks._order, rows)}
    READ.wait()
    return found


def submit_find(
    ids: Collection[UUID], *, skip_locked: bool = False
) -> Callable[[], dict[UUID, Order]]:
    """Finds orders, and does not lock them."""
    found = find_orders(ids)
    return lambda: found


def find_order(id: UUID) -> Order | None:
    """Finds an order or a draft, and does not lock it."""
    return find_orders([id]).get(id)


def lock_as_they_come(ids: Collection[UUID]) -> dict[UUID, Order]:
    """Locks one draft after the other, as the batch names them."""
    found: dict[UUID, Order] = {}
    for one in ids:
        found |= lock_orders([one])
        READ.wait()
    return found


_looked_at = local()


def look_then_lock(products: Collection[int]) -> dict[int, Balance]:
    """Locks the stock of products that were looked at before."""
    _looked_at.offers = catalog_queries.offers(products)
    return movements.lock(products)


def offers_looked_at(products: Collection[int]) -> dict[int, Offer]:
    """The products as they were before the lock."""
    offers: dict[int, Offer] = _looked_at.offers
    return offers


LOOKS_FIRST = SimpleNamespace(lock=look_then_lock)


def look_at_name(name: str, *, product: int | None = None) -> None:
    """Looks whether a name is taken, and writes later."""
    _claim_name(name, product=product)
    READ.wait()


_claim_name = catalog.claim_name
UNLOCKED_NAME = "SELECT %s::text"


def note_nothing(writes: object, caller: int) -> None:
    """The next read may be served by a process that does not know of the write."""


def satisfied_by_anything(required: object, *seen: object) -> bool:
    """Reads from any replica."""
    return True


def further_along(one: Position, other: Position) -> bool:
    """Takes the same byte of any log for the same."""
    return one.byte >= other.byte


QUOTA_HELD = "quota held"
_GUARDS: dict[str, Callable[[], Place]] = {
    "lag of lists": lambda: (freshness, "MAX_LAG", HOUR),
    "write times": lambda: (WriteTimes, "note", note_nothing),
    "freshness of readers": lambda: (FreshnessRequirement, "satisfied_by", satisfied_by_anything),
    "timelines of positions": lambda: (Position, "covers", further_along),
    "row locks": lambda: (stock_sql, "LOCK", UNLOCKED),
    "lock order": lambda: (movements, "submit_lock", lock_in_any_order),
    "claims": lambda: (idempotency, "submit_claim", look_then_write),
    "any claim": lambda: (idempotency, "submit_claim", claim_nothing),
    "claim order": lambda: (key_sql, "CLAIM", CLAIMED_AS_THEY_COME),
    "release": lambda: (idempotency, "release", keep_claims),
    "separation of repeats": lambda: (place_batch, "separate_repeats", all_together),
    "draft lock": lambda: (drafts, "lock_draft", find_draft),
    "abandoned cart held": lambda: (abandon, "lock_order", find_order),
    "drafts locked": lambda: (locked_drafts, "lock_orders", find_orders),
    "order held": lambda: (transitions, "submit_lock", submit_find),
    "products looked at under the lock": lambda: (changes, "inventory", LOOKS_FIRST),
    "draft order": lambda: (locked_drafts, "lock_orders", lock_as_they_come),
    "name lock": lambda: (catalog_sql, "LOCK_NAME", UNLOCKED_NAME),
    "compare-and-swap": lambda: (sessions, "_renew", rotate_anyway),
    "second look": lambda: (identity_sql, "TAKE_ATTEMPTS", TAKEN_AS_SEEN),
    QUOTA_HELD: lambda: (identity_sql, "TAKE_UNITS", TAKEN_AS_QUOTA_SEEN),
    "session compared": lambda: (sessions, "_renew", rotate_and_save),
    "grace": lambda: (sessions, "exchange", without_grace),
}

_BESIDE: dict[str, Callable[[], Removal]] = {
    # A page would be compared after a tenth of a second, and not show the past.
    "write times": lambda: [(freshness, "MAX_LAG", HOUR)],
    # Clients would come again after the limit of a wait, and not see the ring.
    "lock order": lambda: [(locks, "MOVING_WAIT", 5.0), (place_order, "LOCK_WAIT", 5.0)],
    # Gives what was read before the lock.
    "products looked at under the lock": lambda: [
        (changes, "catalog", SimpleNamespace(offers=offers_looked_at))
    ],
    # The gate.
    "name lock": lambda: [(catalog, "claim_name", look_at_name)],
}
"""What a race needs beside the removal of its guard: a gate, a longer limit of a wait, or the place
to which the guarded statement moves."""


NAMES = tuple(_GUARDS)


def removal(guard: str) -> Removal:
    """What takes a guard out."""
    beside = _BESIDE[guard]() if guard in _BESIDE else []
    return [_GUARDS[guard](), *beside]
