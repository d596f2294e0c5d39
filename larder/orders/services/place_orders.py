"""Placing orders: one transaction for a group of one or more.

In this order, so that nothing is decided on what may still change: claim ids and keys, take units
of the customers' quotas, lock the drafts that are to be placed, lock the stock rows, read prices
and rules, decide in memory, write.
A refused order gives its claims back and touches nothing of its neighbours.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache, partial

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
from larder.inventory.services import movements as inventory
from larder.inventory.services.movements import Balance
from larder.orders.decision import decide
from larder.orders.services.contended import Contended, Row
from larder.orders.services.held_drafts import lock_drafts
from larder.orders.services.lost_commits import answer_unknown, find_out
from larder.orders.services.order_quota import OrderQuota
from larder.orders.services.placement import (
    Candidate,
    Placed,
    Placement,
    Terms,
    candidate,
    unanswered,
)
from larder.orders.services.repeats import (
    claim_and_replay,
    keep_for_a_time,
    release_refused,
    separate_twins,
    settle_carts,
)
from larder.orders.services.write_orders import answer_placed, write_placed


def _none(rows: Collection[Row]) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """How a group is placed while other orders wait for it.

    `lock_wait` is for how many seconds a transaction waits for any lock, if less than the role's
    limit. Drafts with lines whose stock `is_contended` are not placed.
    """

    lock_wait: float | None = None
    is_contended: Callable[[Collection[Row]], bool] = _none


def place_orders(
    asked: Sequence[Placement],
    *,
    terms: Terms,
    now: datetime,
    beside: Beside = Beside(),
) -> list[Placed | Exception]:
    """Places a group, as `place_candidates` does, that was not prepared before."""
    candidates = [candidate(one) for one in asked]
    return place_candidates(candidates, terms=terms, now=now, beside=beside)


def place_candidates(
    candidates: Sequence[Candidate],
    *,
    terms: Terms,
    now: datetime,
    beside: Beside = Beside(),
) -> list[Placed | Exception]:
    """Places a group; answers in its order. One order's refusal is no other's concern.

    Those that ask for the same thing (key, id, cart) go one after the other, in transactions of
    their own. What brings a transaction down is the answer of those in it, and never raised: the
    one before it is committed. Contended is the answer of drafts that `beside` excludes, with
    nothing done.

    Refusals: UnknownProducts, InsufficientStock, PriceChanged, OrderRule, OrderTooSmall,
    KeyReused, NotFound (no such customer, or the id or draft is another's), OrderingNotAllowed,
    SessionEnded (the customer's own account was deactivated), QuotaExceeded; of drafts also
    AlreadySubmitted, CartEmpty, StaleVersion; with an id, a key or a cart that was abandoned
    OrderAbandoned. The lines of a refused draft are named by ascending line id.
    """
    waiting: Sequence[Candidate] = candidates
    while waiting:
        group, waiting = separate_twins(waiting)
        hold = telemetry.Hold()
        work = partial(_place_group, group, terms, now, hold, beside)
        failure = _in_one_transaction(work, len(group), beside)
        hold.ends()
        if isinstance(failure, CommitUnknown):
            failure = find_out(group, failure)
        if failure is not None and _waits_again(failure):
            # Each transaction would wait as long as the first.
            group, waiting = [*group, *waiting], []
        if failure is None:
            answer_placed(group, currency=terms.currency, now=now)
        else:
            _fail(group, failure)
    return [one.answer for one in candidates if one.answer is not None]


def _waits_again(failure: Exception) -> bool:
    """Returns whether the next transaction would wait as well: for the database, or a lock."""
    return database.is_lock_timeout(failure) or not database.was_rolled_back(failure)


def _fail(group: Sequence[Candidate], failure: Exception) -> None:
    if isinstance(failure, CommitUnknown):
        answer_unknown(group, failure)
        return
    for one in group:
        one.answer = failure


def _in_one_transaction(work: Callable[[], None], orders: int, beside: Beside) -> Exception | None:
    """What brought it down, if anything did."""
    span = telemetry.tracing.span("place orders", orders=orders)
    try:
        with span, transaction.atomic(durable=True), database.pipeline():
            if beside.lock_wait is None:
                database.tag_session()
            else:
                database.limit_lock_wait(beside.lock_wait)
            work()
    except Exception as error:
        return error
    return None


def _place_group(
    group: Sequence[Candidate],
    terms: Terms,
    now: datetime,
    hold: telemetry.Hold,
    beside: Beside,
) -> None:
    earlier = claim_and_replay(group, now=now)
    keep_for_a_time(group, earlier, now=now)
    if waiting := unanswered(group):
        check_customers, quota = _ask_for_customers(waiting)
        if any(one.asked.is_draft for one in waiting):
            # What to lock is in the drafts, and those of who may not order are left alone.
            check_customers()
            lock_drafts(unanswered(waiting))
            _leave_contended(unanswered(waiting), beside)
        _place_open(unanswered(waiting), check_customers, terms, now, hold)
        quota.give_back()
    settle_carts(group)
    release_refused(group, earlier)


def _leave_contended(group: Sequence[Candidate], beside: Beside) -> None:
    """Answers those that place a draft, whose products are known only now, if its stock is waited
    for elsewhere."""
    for one in group:
        if one.asked.is_draft and beside.is_contended(one.stock_rows):
            one.answer = Contended()


def _ask_for_customers(group: Sequence[Candidate]) -> tuple[Callable[[], None], OrderQuota]:
    """Returns what refuses, when it is called first, those whose customers may not order, or whose
    quota is used up; and the quota, from which units are taken."""
    reading = identity.submit_standing({one.asked.customer for one in group})
    quota = OrderQuota(group)

    @cache
    def check() -> None:
        standing = reading()
        for one in group:
            one.answer = ordering_refusal(standing.get(one.asked.customer), actor=one.asked.actor)
        quota.grant()

    return check, quota


def _place_open(
    group: Sequence[Candidate],
    check_customers: Callable[[], None],
    terms: Terms,
    now: datetime,
    hold: telemetry.Hold,
) -> None:
    """Locks, reads under the locks, decides, writes."""
    if not group:
        return
    products = {line.product for one in group for line in one.wanted}
    locked, offered = inventory.submit_lock(products), catalog.submit_offers(products)
    check_customers()
    balances = locked()
    hold.begins()
    # A product that came after the lock is unknown to this group.
    offers = {id: offer for id, offer in offered().items() if id in balances}
    _decide(unanswered(group), balances, offers, terms)
    placed = unanswered(group)
    moves = [move for one in placed for move in _movements(one)]
    inventory.move(moves, balances, now=now)
    write_placed(placed, currency=terms.currency, now=now)


def _decide(
    group: Sequence[Candidate],
    balances: Mapping[int, Balance],
    offers: Mapping[int, Offer],
    terms: Terms,
) -> None:
    """Leaves the priced lines or the refusal with each candidate."""
    decisions = decide(
        [one.wanted for one in group],
        shelf={product: balance.available for product, balance in balances.items()},
        offers=offers,
        prices=[_prices(one, offers) for one in group],
        minimum_total=terms.minimum_total,
        expected_totals=[one.expected_total for one in group],
    )
    for one, decided in zip(group, decisions, strict=True):
        if isinstance(decided, DomainError):
            one.answer = decided
        else:
            one.sell(decided)


def _prices(one: Candidate, offers: Mapping[int, Offer]) -> Mapping[int, Decimal]:
    wanted = {line.product for line in one.wanted if line.product in offers}
    return prices_for(one.asked.customer, [offers[product] for product in wanted])


def _movements(one: Candidate) -> list[inventory.Movement]:
    event, actor = str(one.event), one.asked.actor
    return [
        inventory.Movement(line.offer.id, -line.quantity, line.quantity, "order", event, actor)
        for line in one.lines
    ]
