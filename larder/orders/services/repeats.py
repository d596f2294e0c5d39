"""Requests that were made before: claims, replays, and giving claims back."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from larder.core.errors import DomainError, KeyReused, NotFound
from larder.db import idempotency
from larder.db.idempotency import Earlier, Scope
from larder.identity import quotas
from larder.orders import queries
from larder.orders.errors import OrderAbandoned
from larder.orders.services.placement import (
    ABANDONED,
    ORDER_ID,
    Candidate,
    Placed,
    mark_of,
    unanswered,
)


def separate_twins(
    waiting: Sequence[Candidate],
) -> tuple[list[Candidate], list[Candidate]]:
    """Those that can go together, and those whose key, id or draft is already among them.

    Equals go into different transactions: one claim answers for one of them, and a draft that
    one of them places is no draft for the next.
    """
    group: list[Candidate] = []
    later: list[Candidate] = []
    seen: set[object] = set()
    for one in waiting:
        names = one.names
        (later if seen.intersection(names) else group).append(one)
        seen.update(names)
    return group, later


def claim_and_replay(group: Sequence[Candidate], *, now: datetime) -> Collection[Scope]:
    """Claims all ids and keys, in one order, and answers the requests that were made before.

    Returns the scopes that were claimed by earlier requests. Waits for twins in flight.
    """
    claims = [claim for one in group for claim in one.claims]
    earlier = idempotency.claim(claims, now=now)
    if earlier:
        _replay([one for one in group if not earlier.keys().isdisjoint(one.scopes)], earlier)
    _answer_unclaimed([one for one in unanswered(group) if one.asked.order_id is not None])
    return earlier.keys()


def settle_carts(group: Sequence[Candidate]) -> None:
    """Records which order came of the keys under which a cart was placed."""
    placed = [one for one in group if one.asked.cart is not None and one.written is not None]
    idempotency.settle({scope: str(one.id) for one in placed for scope in one.scopes})


def keep_for_a_time(
    group: Sequence[Candidate], earlier: Collection[Scope], *, now: datetime
) -> None:
    """Gives an end to the claims of keys with which an order was repeated that was placed without
    them: its id answers for it. Otherwise each repeat with a fresh key would leave a row for ever.

    What a customer repeats so takes units of the quota `order_changes`. Without a unit the claim is
    given back: the repeat is answered all the same, and stores nothing.
    """
    unused = [
        (one, scope)
        for one in group
        if isinstance(one.answer, Placed)
        for scope in one.scopes
        if scope not in earlier
    ]
    if not unused:
        return
    own = Counter(one.asked.customer for one, _ in unused if one.asked.acting is None)
    units = {who: found.units for who, found in quotas.submit_take("order_changes", own)().items()}
    kept, given_back = list[Scope](), list[Scope]()
    for one, scope in unused:
        who = one.asked.customer
        is_over = one.asked.acting is None and units.get(who, 1) <= 0
        (given_back if is_over else kept).append(scope)
        if one.asked.acting is None and who in units:
            units[who] -= 1
    idempotency.expire(kept, now=now)
    idempotency.release(given_back)


def release_refused(group: Sequence[Candidate], earlier: Collection[Scope]) -> None:
    """Gives the claims back of orders that were not placed: the same request may succeed later."""
    refused = [one for one in group if isinstance(one.answer, Exception)]
    idempotency.release([scope for one in refused for scope in one.scopes if scope not in earlier])


def _replay(repeated: Sequence[Candidate], earlier: Mapping[Scope, Earlier]) -> None:
    placed = {scope: found for scope, found in earlier.items() if found.result != ABANDONED}
    for one in repeated:
        is_placed = not placed.keys().isdisjoint(one.scopes)
        one.answer = _reused(one, placed) if is_placed else _abandoned(one, earlier)
    _show([(one, _order(one, placed)) for one in repeated if one.answer is None])


def _abandoned(one: Candidate, earlier: Mapping[Scope, Earlier]) -> DomainError:
    """Returns the refusal of what was abandoned; another's id is not found, as always."""
    marks = {earlier[scope].fingerprint for scope in one.scopes if scope in earlier}
    return OrderAbandoned() if marks == {mark_of(one.asked.actor)} else NotFound()


def _answer_unclaimed(chosen: Sequence[Candidate]) -> None:
    """Ids that the shop itself gave to an order or a draft: no client ever claimed them."""
    taken = queries.existing([one.id for one in chosen]) if chosen else set()
    if taken:
        _show([(one, one.id) for one in chosen if one.id in taken])


def _show(known: Sequence[tuple[Candidate, UUID]]) -> None:
    ids = [order for _, order in known]
    content, views = queries.placed_content(ids), queries.orders(ids)
    for one, order in known:
        one.answer = _repeat(one, content.get(order), views.get(order))


def _reused(one: Candidate, earlier: Mapping[Scope, Earlier]) -> KeyReused | None:
    """A key that was used for another request. (An id may be repeated without its key.)"""
    keys = [claim for claim in one.claims if claim.scope.operation != ORDER_ID]
    found = [(claim, earlier[claim.scope]) for claim in keys if claim.scope in earlier]
    return KeyReused() if any(e.fingerprint != c.fingerprint for c, e in found) else None


def _order(one: Candidate, earlier: Mapping[Scope, Earlier]) -> UUID:
    """The order an earlier request with this id or key made."""
    return UUID(next(earlier[scope].result for scope in one.scopes if scope in earlier))


def _repeat(
    one: Candidate,
    content: queries.PlacedContent | None,
    order: queries.OrderView | None,
) -> Placed | DomainError:
    """The order as it stands now, for its owner alone, if it is what was placed."""
    if content is None or order is None or content.customer != one.asked.customer:
        return NotFound()
    return Placed(order, replayed=True) if _is_same(one, content) else KeyReused()


def _is_same(one: Candidate, content: queries.PlacedContent) -> bool:
    """Whether this is what was placed. The lines of a draft are known only to the shop; that it
    is the same request was already seen by its key."""
    if one.asked.is_draft:
        return content.rest == one.rest_fingerprint
    if one.asked.lines_only:
        return content.lines == one.lines_fingerprint
    return (content.lines, content.rest) == (one.lines_fingerprint, one.rest_fingerprint)
