"""The table of moves, compared with a list of allowed moves and with random sequences."""

from collections.abc import Iterator
from itertools import product

from hypothesis import given
from hypothesis import strategies as some

from larder.orders.lifecycle import Move, is_allowed, may_be_made
from larder.orders.models import OrderStatus

STATUSES = tuple(OrderStatus.values)
WAY = ("pending", "placed", "packed", "shipped", "delivered", "returned")
STAFF = {
    ("pending", "confirm"): "placed",
    ("expired", "confirm"): "placed",
    ("pending", "cancel"): "cancelled",
    ("expired", "cancel"): "cancelled",
    ("placed", "change"): "placed",
    ("placed", "cancel"): "cancelled",
    ("placed", "pack"): "packed",
    ("packed", "cancel"): "cancelled",
    ("packed", "ship"): "shipped",
    ("shipped", "deliver"): "delivered",
    ("shipped", "return"): "shipped",
    ("delivered", "return"): "delivered",
    ("returned", "return"): "returned",
    ("packed", "unpack"): "placed",
    ("shipped", "unship"): "packed",
    **{(status, "track"): status for status in ("shipped", "delivered", "returned")},
}
"""Where each allowed move leads; a return that leaves nothing leads to returned."""
OWNER = {("placed", "change"), *((status, "cancel") for status in ("placed", "pending", "expired"))}
MADE = {
    *((status, "confirm") for status in ("placed", "packed", "shipped", "delivered", "returned")),
    *((status, "pack") for status in ("packed", "shipped", "delivered", "returned", "cancelled")),
    *((status, "ship") for status in ("shipped", "delivered", "returned")),
    *((status, "deliver") for status in ("delivered", "returned")),
    ("cancelled", "cancel"),
    *((status, "unpack") for status in ("placed", "cancelled")),
    *((status, "unship") for status in ("packed", "placed", "cancelled")),
}
"""Packing an order of which nothing is there cancels it; what was shipped can come back without
having been delivered; and no status shows that a move was undone."""
UNDOES = {Move.UNPACK: Move.PACK, Move.UNSHIP: Move.SHIP}
AGAIN = {
    Move.CHANGE,
    Move.RETURN,
    Move.TRACK,
}

moves = some.sampled_from(Move)


def test_staff_can_make_the_moves_of_the_list_and_no_others() -> None:
    for status, move in product(STATUSES, Move):
        assert is_allowed(move, status, by_staff=True) == ((status, move) in STAFF)
        assert may_be_made(move, status) == ((status, move) in MADE)


def test_customers_can_change_and_cancel_their_own_orders_until_these_are_packed() -> None:
    for status, move in product(STATUSES, Move):
        assert is_allowed(move, status, by_staff=False) == ((status, move) in OWNER)


Step = tuple[Move, bool, bool]
walks = some.lists(some.tuples(moves, some.booleans(), some.booleans()), max_size=40)


def walked(walk: list[Step]) -> Iterator[tuple[str, Move, str]]:
    """Yields the allowed moves of a random sequence: status before, move, status after."""
    status = "pending"
    for move, by_staff, nothing_there in walk:
        if not is_allowed(move, status, by_staff=by_staff):
            continue
        after = STAFF[status, move]
        if nothing_there and move in {Move.RETURN, Move.PACK}:
            after = {Move.RETURN: "returned", Move.PACK: "cancelled"}[move]
        yield status, move, after
        status = after


@given(walks)
def test_only_undoing_goes_back_and_no_move_leaves_a_final_status(walk: list[Step]) -> None:
    for status, move, after in walked(walk):
        assert status != "cancelled"
        if move in UNDOES:
            assert WAY.index(after) == WAY.index(status) - 1
        elif after == "cancelled":
            assert status in {"pending", "placed", "packed"}
        else:
            assert WAY.index(after) >= WAY.index(status)


@given(walks)
def test_a_move_may_be_made_until_it_is_undone(walk: list[Step]) -> None:
    """A client without the answer repeats the request, perhaps days later."""
    moves: set[Move] = set()
    for _, move, status in walked(walk):
        moves.add(move)
        moves -= {UNDOES.get(move), *(by for by, undone in UNDOES.items() if undone is move)}
        if status != "cancelled":
            assert all(may_be_made(earlier, status) for earlier in moves - AGAIN)
        assert not any(is_allowed(again, status, by_staff=True) for again in moves - AGAIN)
