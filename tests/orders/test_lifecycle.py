"""The table of moves, held against a plain list of what may happen, and walked at random."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as some

from larder.orders.lifecycle import Move, Verdict, judge
from larder.orders.models import OrderStatus

STATUSES = tuple(OrderStatus.values)
WAY = ("placed", "packed", "shipped", "delivered", "returned")
STAFF = {
    ("placed", "change"): "placed",
    ("placed", "cancel"): "cancelled",
    ("placed", "pack"): "packed",
    ("packed", "cancel"): "cancelled",
    ("packed", "ship"): "shipped",
    ("shipped", "deliver"): "delivered",
    ("shipped", "return"): "shipped",
    ("delivered", "return"): "delivered",
    ("returned", "return"): "returned",
}
"""Where each allowed move leads; a return that leaves nothing leads to returned."""
OWNER = {("placed", "change"), ("placed", "cancel")}
MADE = {("cancelled", "cancel"), ("packed", "pack"), ("shipped", "ship"), ("delivered", "deliver")}

moves = some.sampled_from(Move)
statuses = some.sampled_from(STATUSES)
orders = some.sampled_from([one for one in STATUSES if one != "draft"])


def test_staff_can_make_the_moves_of_the_list_and_no_others() -> None:
    for status, move, owner in product(STATUSES, Move, (True, False)):
        verdict = judge(status, move, by_staff=True, by_owner=owner)
        assert (verdict is Verdict.ALLOWED) == ((status, move) in STAFF)
        assert (verdict is Verdict.MADE) == ((status, move) in MADE)


def test_customers_can_change_and_cancel_their_own_orders_until_these_are_packed() -> None:
    for status, move in product(STATUSES, Move):
        verdict = judge(status, move, by_staff=False, by_owner=True)
        assert (verdict is Verdict.ALLOWED) == ((status, move) in OWNER)


@given(statuses, moves, some.booleans())
def test_a_draft_is_no_order_and_another_customers_order_is_not_there(
    status: str, move: Move, staff: bool
) -> None:
    assert judge("draft", move, by_staff=True, by_owner=True) is Verdict.NOT_FOUND
    hidden = {Verdict.NOT_FOUND, Verdict.NOT_STAFF}
    assert judge(status, move, by_staff=False, by_owner=False) in hidden


@given(orders, moves)
def test_staff_may_whatever_the_owner_may(status: str, move: Move) -> None:
    if judge(status, move, by_staff=False, by_owner=True) is Verdict.ALLOWED:
        assert judge(status, move, by_staff=True, by_owner=False) is Verdict.ALLOWED


@given(orders, moves, some.booleans())
def test_a_refusal_tells_a_customer_the_same_wherever_a_strangers_order_stands(
    status: str, move: Move, staff: bool
) -> None:
    told = {judge(one, move, by_staff=False, by_owner=False) for one in STATUSES}
    assert len(told) == 1


@given(some.lists(some.tuples(moves, some.booleans(), some.booleans()), max_size=40))
def test_no_walk_goes_back_or_leaves_the_end(walk: list[tuple[Move, bool, bool]]) -> None:
    status = "placed"
    for move, by_staff, nothing_left in walk:
        verdict = judge(status, move, by_staff=by_staff, by_owner=True)
        if verdict is not Verdict.ALLOWED:
            continue
        assert status != "cancelled"
        after = "returned" if move is Move.RETURN and nothing_left else STAFF[status, move]
        if after == "cancelled":
            assert status in {"placed", "packed"}
        else:
            assert WAY.index(after) >= WAY.index(status)
        status = after
        # Right after it was made, a move that can be made once only is made already.
        if move not in {Move.CHANGE, Move.RETURN}:
            assert judge(status, move, by_staff=by_staff, by_owner=True) is Verdict.MADE
