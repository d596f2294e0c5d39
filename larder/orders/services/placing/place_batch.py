"""Places a batch of one or more orders in one transaction.

The steps, in an order in which all data is locked before it is used for a decision: claim ids and
keys, lock the drafts to place, take what the customers may order, lock the stock rows, read
prices and rules, decide in memory, write.
A refused order gives its claims back, and does not affect the other orders.
"""

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from typing import NamedTuple

from django.db import transaction

from larder.catalog import queries as catalog
from larder.catalog.prices import prices_for
from larder.catalog.queries import Offer
from larder.core import telemetry
from larder.core.errors import DomainError
from larder.db import database
from larder.db.postgresql.errors import CommitUnknown
from larder.identity import queries as identity
from larder.identity.ordering import ordering_refusal
from larder.identity.services.credentials import require_permitted
from larder.inventory.services import holds
from larder.inventory.services import movements as inventory
from larder.inventory.services.movements import Balance
from larder.orders.decision import Market, decide
from larder.orders.services.placing.customer_limits import CustomerLimits
from larder.orders.services.placing.locked_drafts import lock_drafts
from larder.orders.services.placing.placement import (
    Candidate,
    Terms,
    hold_of,
    unanswered,
)
from larder.orders.services.placing.repeats import (
    answer_unknown,
    claim_and_replay,
    release_unused,
    resolve_commit,
    separate_repeats,
    settle_carts,
)
from larder.orders.services.placing.write_orders import answer_placed, write_placed
from larder.orders.sql import writes


class Skipped(Exception):
    """Another transaction has locked the stock of these products. The order was not decided."""

    def __init__(self, products: Set[int]) -> None:
        super().__init__(products)
        self.products = products


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """How a batch is placed.

    `lock_wait` is the number of seconds that a transaction waits for a lock, if less than the
    role's limit. With `skip_locked` it does not wait for stock: the answer to the orders of stock
    that another transaction has locked is Skipped. It waits for the stock of the products `first`
    before it has any other lock, for `first_wait` seconds each. With `in_turn`, the batches of all
    processes and servers run one after the other.
    """

    lock_wait: float | None = None
    skip_locked: bool = False
    first: Collection[int] = ()
    first_wait: float = 0.0
    in_turn: bool = False


Take = Callable[[], Sequence[Candidate]]
"""Returns the orders to place. Called in the transaction, when it is the turn of the batch."""


def place_batch(take: Take, *, terms: Terms, options: BatchOptions = BatchOptions()) -> None:
    """Places a batch, and sets the answers of its orders. A refused order does not affect others.

    Orders with the same key, id or cart are placed one after the other, in separate transactions.
    The error of a failed transaction is the answer of its orders and is not raised, because an
    earlier transaction may be committed. Raises an error that comes before the orders are taken.

    Refusals: UnknownProducts, InsufficientStock, PriceChanged, OrderRule, OrderTooSmall,
    KeyReused, NotFound (the customer does not exist, or the id or draft belongs to another),
    OrderingNotAllowed, SessionEnded (the customer's own account was deactivated), QuotaExceeded,
    UnpaidLimit; for orders of staff what `require_permitted` raises; for drafts also
    AlreadySubmitted, CartEmpty, StaleVersion; for an abandoned id, key or cart OrderAbandoned. The
    lines of a refused draft are named by ascending line id.
    """
    waiting: Sequence[Candidate] = ()
    while True:
        batch, later, failure = _place_in_transaction(take, terms, options)
        if failure is not None and not batch:
            if not waiting:
                raise failure
            # It failed before it took them.
            batch = waiting
        if isinstance(failure, CommitUnknown):
            failure = resolve_commit(batch, failure)
        if failure is not None and _waits_again(failure):
            # Each transaction would wait as long as the first.
            batch, later = [*batch, *later], []
        if failure is None and batch:
            answer_placed(batch, currency=terms.currency)
        elif failure is not None:
            _fail(batch, failure)
        if not later:
            return
        take, waiting = partial(list, later), later


def _waits_again(failure: Exception) -> bool:
    """Returns whether the next transaction would wait as well: for the database, or a lock."""
    return database.is_lock_timeout(failure) or not database.was_rolled_back(failure)


def _fail(batch: Sequence[Candidate], failure: Exception) -> None:
    if isinstance(failure, CommitUnknown):
        answer_unknown(batch, failure)
        return
    for candidate in batch:
        candidate.answer = failure


def _place_in_transaction(
    take: Take, terms: Terms, options: BatchOptions
) -> tuple[Sequence[Candidate], Sequence[Candidate], Exception | None]:
    """Takes orders and places those of which no two are repeats of each other. Returns them, the
    others, and the error of the transaction; None without one."""
    batch: Sequence[Candidate] = ()
    later: Sequence[Candidate] = ()
    failure, lock_timer = None, telemetry.LockTimer()
    span = telemetry.tracing.span("place orders")
    try:
        with span, transaction.atomic(durable=True), database.pipeline():
            _begin(options)
            batch, later = separate_repeats(take())
            if batch:
                now = max(candidate.now for candidate in batch)
                _claim_and_place(batch, _Run(terms, now, lock_timer, options))
    except Exception as error:
        failure = error
    lock_timer.stop()
    return batch, later, failure


def _begin(options: BatchOptions) -> None:
    if options.lock_wait is None:
        database.tag_session()
    else:
        if options.first:
            database.limit_lock_wait(options.first_wait)
            inventory.lock_only(options.first)
        database.limit_lock_wait(options.lock_wait)
    if options.in_turn:
        database.rows(writes.TURN)


class _Run(NamedTuple):
    """What a transaction needs beside its orders. `now` is the time of its latest order: repeats
    are recognised by their content."""

    terms: Terms
    now: datetime
    lock_timer: telemetry.LockTimer
    options: BatchOptions


def _claim_and_place(batch: Sequence[Candidate], run: _Run) -> None:
    """Claims ids and keys, locks drafts, places what is not answered, and settles the claims."""
    earlier = claim_and_replay(batch, now=run.now)
    if waiting := unanswered(batch):
        check = _submit_customer_check(waiting)
        if any(candidate.placement.is_draft for candidate in waiting):
            # The rows to lock are in the drafts. Refused orders are skipped.
            check()
            lock_drafts(unanswered(waiting))
        limits = CustomerLimits(unanswered(waiting), run.terms, run.now)
        customers = _Customers(check, limits)
        _place_open(unanswered(waiting), customers, run)
        customers.limits.settle()
    settle_carts(batch)
    release_unused(batch, earlier)


class _Customers(NamedTuple):
    """`check` refuses orders of customers who may not order; `limits` are those of the others."""

    check: Callable[[], None]
    limits: CustomerLimits


def _submit_customer_check(batch: Sequence[Candidate]) -> Callable[[], None]:
    """Submits the statement that reads the customers. Returns a function, to call before all
    others, that refuses the orders of those who may not order."""
    reading = identity.submit_standing({candidate.placement.customer for candidate in batch})

    @cache
    def check() -> None:
        standing = reading()
        for candidate in batch:
            candidate.answer = ordering_refusal(
                standing.get(candidate.placement.customer), actor=candidate.placement.actor
            )

    return check


def _place_open(batch: Sequence[Candidate], customers: _Customers, run: _Run) -> None:
    """Locks, reads under the locks, decides, writes."""
    if not batch:
        return
    products = {line.product for candidate in batch for line in candidate.wanted}
    locked = inventory.submit_lock(products, skip_locked=run.options.skip_locked)
    offered = catalog.submit_offers(products)
    is_held = any(hold_of(candidate.placement, run.terms) for candidate in batch)
    clock = holds.submit_clock() if is_held else None
    customers.check()
    customers.limits.read()
    balances = locked()
    run.lock_timer.start()
    offers = offered()
    _leave_skipped(unanswered(batch), offers.keys() - balances.keys())
    _refuse_former_staff(unanswered(batch))
    _decide(unanswered(batch), balances, offers, run.terms, customers.limits)
    placed = unanswered(batch)
    moves = [move for candidate in placed for move in _movements(candidate)]
    lines = _hold(placed, clock()) if clock is not None else []
    inventory.move(moves, balances, now=run.now, held=lines)
    write_placed(placed, currency=run.terms.currency, now=run.now)


def _leave_skipped(batch: Sequence[Candidate], unlocked: Set[int]) -> None:
    """Answers Skipped to the orders of products that exist, but are not locked: another transaction
    has locked them, or has created them since."""
    for candidate in batch if unlocked else ():
        if products := unlocked & candidate.stock_rows:
            candidate.answer = Skipped(products)


def _refuse_former_staff(batch: Sequence[Candidate]) -> None:
    """Refuses orders that staff place for customers, if the session or the right ended while they
    waited for the locks."""
    for candidate in batch:
        if candidate.placement.acting is not None:
            try:
                require_permitted(candidate.placement.acting.caller, "orders.add_order")
            except DomainError as refusal:
                candidate.answer = refusal


def _decide(
    batch: Sequence[Candidate],
    balances: Mapping[int, Balance],
    offers: Mapping[int, Offer],
    terms: Terms,
    limits: CustomerLimits,
) -> None:
    """Sets the priced lines or the refusal of each candidate."""
    decisions = decide(
        [candidate.wanted for candidate in batch],
        Market(
            {product: balance.available for product, balance in balances.items()},
            offers,
            [_prices(candidate, offers) for candidate in batch],
        ),
        minimum_total=terms.minimum_total,
        expected_totals=[candidate.expected_total for candidate in batch],
        counted=limits.counted(batch),
    )
    for candidate, decided in zip(batch, decisions, strict=True):
        if isinstance(decided, DomainError):
            candidate.answer = decided
        else:
            candidate.sell(decided, terms)


def _prices(candidate: Candidate, offers: Mapping[int, Offer]) -> Mapping[int, Decimal]:
    wanted = {line.product for line in candidate.wanted if line.product in offers}
    return prices_for(candidate.placement.customer, [offers[product] for product in wanted])


def _movements(candidate: Candidate) -> list[inventory.Movement]:
    event, actor = str(candidate.event), candidate.placement.actor
    cause = "order" if candidate.hold is None else "hold"
    return [
        inventory.Movement(line.offer.id, -line.quantity, line.quantity, cause, event, actor)
        for line in candidate.lines
    ]


def _hold(placed: Sequence[Candidate], clock: datetime) -> list[holds.HeldUnits]:
    """Sets the expiry of the orders, and returns their held lines. Holds begin at the time of the
    database under the locks."""
    lines = []
    for candidate in placed:
        if candidate.hold is not None:
            candidate.expires_at = expiry = clock + timedelta(seconds=candidate.hold.seconds)
            lines += [
                holds.HeldUnits(candidate.id, line.offer.id, candidate.event, line.quantity, expiry)
                for line in candidate.lines
            ]
    return lines
