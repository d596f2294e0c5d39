"""The table of moves, compared with a list of allowed moves and with random sequences."""

from collections.abc import Iterator
from itertools import product

from hypothesis import given
from hypothesis import strategies as some

from larder.orders.lifecycle import Move, Verdict, judge
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
OWNER = {("placed", "change"), *((one, "cancel") for one in ("placed", "pending", "expired"))}
MADE = {
    *((status, "confirm") for status in ("placed", "packed", "shipped", "delivered", "returned")),
    *((status, "pack") for status in ("packed", "shipped", "delivered", "returned")),
    *((status, "ship") for status in ("shipped", "delivered", "returned")),
    ("delivered", "deliver"),
    ("cancelled", "cancel"),
}
PERHAPS = {
    *(("cancelled", "pack"), ("returned", "deliver")),
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
statuses = some.sampled_from(STATUSES)
orders = some.sampled_from(STATUSES)


def test_staff_can_make_the_moves_of_the_list_and_no_others() -> None:
    for status, move, owner in product(STATUSES, Move, (True, False)):
        verdict = judge(status, move, by_staff=True, by_owner=owner)
        assert (verdict is Verdict.ALLOWED) == ((status, move) in STAFF)
        assert (verdict is Verdict.MADE) == ((status, move) in MADE)
        assert (verdict is Verdict.EVENTS_TELL) == ((status, move) in PERHAPS)


def test_customers_can_change_and_cancel_their_own_orders_until_these_are_packed() -> None:
    for status, move in product(STATUSES, Move):
        verdict = judge(status, move, by_staff=False, by_owner=True)
        assert (verdict is Verdict.ALLOWED) == ((status, move) in OWNER)


@given(statuses, moves, some.booleans())
def test_orders_of_other_customers_are_not_found(status: str, move: Move, staff: bool) -> None:
    hidden = {Verdict.NOT_FOUND, Verdict.NOT_STAFF}
    assert judge(status, move, by_staff=False, by_owner=False) in hidden


@given(orders, moves)
def test_staff_may_do_everything_that_the_owner_may(status: str, move: Move) -> None:
    if judge(status, move, by_staff=False, by_owner=True) is Verdict.ALLOWED:
        assert judge(status, move, by_staff=True, by_owner=False) is Verdict.ALLOWED


@given(orders, moves, some.booleans())
def test_a_refusal_does_not_reveal_the_status_of_another_customers_order(
    status: str, move: Move, staff: bool
) -> None:
    answers = {judge(one, move, by_staff=False, by_owner=False) for one in STATUSES}
    assert len(answers) == 1


Step = tuple[Move, bool, bool]
walks = some.lists(some.tuples(moves, some.booleans(), some.booleans()), max_size=40)


def walked(walk: list[Step]) -> Iterator[tuple[str, Move, str]]:
    """Yields the allowed moves of a random sequence: status before, move, status after."""
    status = "pending"
    for move, by_staff, nothing_there in walk:
        if judge(status, move, by_staff=by_staff, by_owner=True) is not Verdict.ALLOWED:
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
def test_exactly_the_moves_made_are_reported_as_made(
    walk: list[Step],
) -> None:
    """A client without the answer repeats the request, perhaps days later."""
    made: set[Move] = set()
    for _, move, status in walked(walk):
        made.add(move)
        made -= {UNDOES.get(move), *(one for one, undone in UNDOES.items() if undone is move)}
        verdicts = {
            one: judge(status, one, by_staff=True, by_owner=False)
            for one in Move
            if one not in AGAIN
        }
        said_made = {one for one, verdict in verdicts.items() if verdict is Verdict.MADE}
        perhaps = {one for one, verdict in verdicts.items() if verdict is Verdict.EVENTS_TELL}
        assert said_made <= made | ({Move.CANCEL} if status == "cancelled" else set())
        if status != "cancelled":
            assert made - AGAIN <= said_made | perhaps
        assert not [one for one in made - AGAIN if verdicts[one] is Verdict.ALLOWED]


@given(walks)
def test_a_move_is_reported_as_made_directly_after_it(walk: list[Step]) -> None:
    for _, move, status in walked(walk):
        if move not in AGAIN:
            verdict = judge(status, move, by_staff=True, by_owner=True)
            in_events = move in UNDOES or (status, move) == ("cancelled", Move.PACK)
            assert verdict is (Verdict.EVENTS_TELL if in_events else Verdict.MADE)
