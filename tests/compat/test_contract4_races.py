"""Contract 4 under many hands, through the real server, with its guards and without them."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg
import pytest

from larder.db import database
from tests.compat.conftest import ALL, Door, assert_books_balance
from tests.conftest import Person
from tests.database import superuser_url
from tests.http.conftest import token_for
from tests.server import Reply, Server
from tests.system.race.books import assert_agree, shelf
from tests.system.race.control import assert_breaks, index_dropped
from tests.system.race.shops import HttpShop, at_once
from tools.processes import wait_until

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
HANDS = 16
SUBMITTED = "Order already submitted."


@dataclass(frozen=True, slots=True)
class Cart:
    """A customer's client."""

    door: Door

    def add(self, product: int) -> Reply:
        return self.door("POST", f"/products/{product}/add_to_order/")

    def current(self) -> Reply:
        return self.door("GET", "/orders/current/")

    def submit(self, order: int) -> Reply:
        return self.door("POST", f"/orders/{order}/submit/")

    def orders(self) -> list[dict[str, Any]]:
        return list(self.door("GET", "/orders/").body)

    def filled(self, *products: int) -> int:
        """Adds a unit of each; the order's id."""
        return [int(self.add(one).body["order_id"]) for one in products][-1]


@dataclass
class Rush:
    """What was answered, and what the customers' orders were afterwards."""

    product: int
    stock: int
    replies: list[Reply]
    orders: list[dict[str, Any]]

    @property
    def statuses(self) -> Counter[int]:
        """How often each status was answered."""
        return Counter(reply.status for reply in self.replies)

    def units(self, *, submitted: bool | None = None) -> int:
        """Units in the orders: in all, in those that were submitted, or in the others."""
        return sum(
            line["quantity"]
            for order in self.orders
            for line in order["orderedproduct_set"]
            if submitted in (None, order["submitted_at"] is not None)
        )


@pytest.fixture
def cart(running: Server, transactional_db: None) -> Iterator[Callable[[Person], Cart]]:
    """A client as a person, at the server as it is."""
    yield lambda who: Cart(Door(running, f"Bearer {token_for(who)}"))
    # A connection that waited while the controls run might be closed by the server before.
    running.hang_up()


@pytest.fixture
def unguarded(transactional_db: None) -> Iterator[Callable[[str], Server]]:
    """A server without one of the guards of tests/system/race."""
    with ExitStack() as servers:

        def take_out(guard: str) -> Server:
            environment = {"WITHOUT": guard, "COMPAT": ALL}
            entry = "tests.system.race.unguarded:application"
            return servers.enter_context(Server(application=entry, environment=environment))

        yield take_out


def together(server: Server, tasks: Sequence[Callable[[], Reply]]) -> list[Reply]:
    """All at once, each over a connection of its own."""
    return at_once(HttpShop(server), tasks)


def rush_to_add(cart: Cart, product: int, *, opened: bool) -> Rush:
    """Sixteen first units at once; the order is there already, or is not."""
    if opened:
        cart.current()
    replies = together(cart.door.server, [partial(cart.add, product)] * HANDS)
    return Rush(product, 0, replies, cart.orders())


def check_added(outcome: Rush) -> None:
    """Every unit counts, in one line of one order."""
    assert outcome.statuses == {200: HANDS}
    (order,) = outcome.orders
    assert {reply.body["order_id"] for reply in outcome.replies} == {order["id"]}
    assert [line["quantity"] for line in order["orderedproduct_set"]] == [HANDS]


def test_sixteen_units_added_at_once_are_one_line_of_sixteen(
    cart: Callable[[Person], Cart], person: MakePerson, product: MakeProduct
) -> None:
    for opened in (True, False) * 2:
        check_added(rush_to_add(cart(person()), product(stock=3), opened=opened))


@pytest.mark.system
def test_without_the_lock_of_the_order_additions_run_into_each_other(
    unguarded: Callable[[str], Server], person: MakePerson, product: MakeProduct
) -> None:
    server = unguarded("draft lock")
    assert_breaks(
        lambda: rush_to_add(
            Cart(Door(server, f"Bearer {token_for(person())}")), product(), opened=True
        ),
        check_added,
        fault=lambda outcome: outcome.statuses[500] > 0,
    )


def rush_for_the_first(cart: Cart) -> Rush:
    """Everybody asks for the open order, and there is none."""
    replies = together(cart.door.server, [cart.current] * HANDS)
    return Rush(0, 0, replies, cart.orders())


def check_one_order(outcome: Rush) -> None:
    """One was made."""
    assert outcome.statuses == {200: HANDS}
    assert len(outcome.orders) == 1
    assert {reply.body["id"] for reply in outcome.replies} == {outcome.orders[0]["id"]}


def test_simultaneous_first_calls_make_one_order(
    cart: Callable[[Person], Cart], person: MakePerson
) -> None:
    for _ in range(5):
        check_one_order(rush_for_the_first(cart(person())))


def test_without_the_unique_index_they_make_several(
    cart: Callable[[Person], Cart], person: MakePerson
) -> None:
    def several(outcome: Rush) -> bool:
        return len({reply.body["id"] for reply in outcome.replies}) > 1

    with index_dropped("orders", "order_one_draft"):
        assert_breaks(
            lambda: rush_for_the_first(cart(person())), check_one_order, fault=several, rounds=20
        )


def rush_to_submit(cart: Cart, product: int, stock: int) -> Rush:
    """One order of three units, submitted eight times at once."""
    order = cart.filled(product, product, product)
    replies = together(cart.door.server, [partial(cart.submit, order)] * 8)
    return Rush(product, stock, replies, cart.orders())


def check_submitted(outcome: Rush) -> None:
    """Once, and its stock taken once."""
    assert outcome.statuses == {200: 1, 400: 7}
    assert [one.body for one in outcome.replies if one.status == 400] == [[SUBMITTED]] * 7
    assert shelf(outcome.product).available == outcome.stock - 3
    assert_agree([outcome.product])


def test_of_simultaneous_submissions_of_one_order_one_succeeds(
    cart: Callable[[Person], Cart], person: MakePerson, product: MakeProduct
) -> None:
    for _ in range(3):
        check_submitted(rush_to_submit(cart(person()), product(stock=50), 50))


@pytest.mark.system
def test_unless_the_order_is_neither_held_nor_compared(
    unguarded: Callable[[str], Server], person: MakePerson, product: MakeProduct
) -> None:
    server = unguarded("drafts held or compared")
    assert_breaks(
        lambda: rush_to_submit(
            Cart(Door(server, f"Bearer {token_for(person())}")), product(stock=50), 50
        ),
        check_submitted,
        fault=lambda outcome: outcome.statuses[200] > 1,
    )


def rush_for_the_last(carts: Sequence[Cart], product: int) -> Rush:
    """Everybody has the last piece in the cart."""
    asked = [partial(one.submit, one.filled(product)) for one in carts]
    replies = together(carts[0].door.server, asked)
    return Rush(product, 1, replies, [order for one in carts for order in one.orders()])


def check_last(outcome: Rush) -> None:
    """One has it; the others keep their carts."""
    others = len(outcome.replies) - 1
    refusal = f"Not enough stock of product {outcome.product}. Remove or lower the quantity."
    assert outcome.statuses == {200: 1, 400: others}
    assert [one.body for one in outcome.replies if one.status == 400] == [[refusal]] * others
    assert (outcome.units(submitted=True), outcome.units(submitted=False)) == (1, others)
    assert shelf(outcome.product).available == 0
    assert_agree([outcome.product])


def test_of_several_customers_orders_for_the_last_piece_one_succeeds(
    cart: Callable[[Person], Cart], person: MakePerson, product: MakeProduct
) -> None:
    for _ in range(3):
        check_last(rush_for_the_last([cart(person()) for _ in range(10)], product(stock=1)))


@pytest.mark.system
def test_without_the_row_locks_the_last_piece_is_sold_twice(
    unguarded: Callable[[str], Server], person: MakePerson, product: MakeProduct
) -> None:
    server = unguarded("row locks")

    def rush() -> Rush:
        people = [person() for _ in range(10)]
        carts = [Cart(Door(server, f"Bearer {token_for(one)}")) for one in people]
        return rush_for_the_last(carts, product(stock=1))

    assert_breaks(rush, check_last, fault=lambda outcome: outcome.statuses != {200: 1, 400: 9})


def rush_of_both(cart: Cart, product: int, stock: int) -> Rush:
    """Six hands put units in while two submit whatever there is."""

    def fill() -> list[Reply]:
        return [cart.add(product) for _ in range(8)]

    def submit() -> list[Reply]:
        return [cart.submit(cart.current().body["id"]) for _ in range(8)]

    answers = at_once(HttpShop(cart.door.server), [*[fill] * 6, *[submit] * 2])
    return Rush(product, stock, [one for own in answers for one in own], cart.orders())


def check_both(outcome: Rush) -> None:
    """Every accepted unit is in exactly one order, and what was submitted was taken."""
    assert outcome.statuses.keys() <= {200, 400}
    refused = {one.body[0] for one in outcome.replies if one.status == 400}
    assert refused <= {SUBMITTED, "Cannot submit an empty Order."}
    added = [one for one in outcome.replies if one.status == 200 and "order_id" in one.body]
    assert outcome.units() == len(added) == 48
    left = shelf(outcome.product).available
    assert left == outcome.stock - outcome.units(submitted=True)
    assert_agree([outcome.product])


def test_no_unit_is_lost_or_sold_twice_while_the_order_is_submitted(
    cart: Callable[[Person], Cart], person: MakePerson, product: MakeProduct
) -> None:
    for _ in range(3):
        check_both(rush_of_both(cart(person()), product(stock=500), 500))
    assert_books_balance()


@pytest.mark.system
def test_without_the_lock_of_the_order_units_get_into_one_that_was_submitted(
    unguarded: Callable[[str], Server], person: MakePerson, product: MakeProduct
) -> None:
    server = unguarded("draft lock")

    def rush() -> Rush:
        mine = Cart(Door(server, f"Bearer {token_for(person())}"))
        mine.filled(jam := product(stock=500))
        outcome = rush_of_both(mine, jam, 500)
        outcome.replies.append(Reply(200, {"order_id": 0}, {}))  # The unit that was there.
        return outcome

    def sold_unpaid(outcome: Rush) -> bool:
        return not shelf(outcome.product).agrees

    assert_breaks(rush, check_both, fault=sold_unpaid)


def rush_of_crossing_carts(carts: Sequence[Cart], products: Sequence[int]) -> Rush:
    """Half of the carts name the products upwards, half downwards."""
    asked = [
        partial(one.submit, one.filled(*products[:: -1 if number % 2 else 1]))
        for number, one in enumerate(carts)
    ]
    return Rush(products[0], 100, together(carts[0].door.server, asked), [])


def check_crossing(outcome: Rush) -> None:
    """All are sold."""
    assert outcome.statuses == {200: len(outcome.replies)}


def test_carts_with_their_lines_in_opposite_order_do_not_block_each_other(
    cart: Callable[[Person], Cart], person: MakePerson, product: MakeProduct
) -> None:
    products = [product(stock=100) for _ in range(4)]
    carts = [cart(person()) for _ in range(8)]
    for _ in range(5):
        check_crossing(rush_of_crossing_carts(carts, products))
    assert [shelf(one).available for one in products] == [60] * 4
    assert_agree(products)


@pytest.mark.system
def test_locked_in_any_order_they_do(
    unguarded: Callable[[str], Server], person: MakePerson, product: MakeProduct
) -> None:
    server = unguarded("lock order and second tries")
    products = [product(stock=100) for _ in range(4)]
    people = [person() for _ in range(8)]
    carts = [Cart(Door(server, f"Bearer {token_for(one)}")) for one in people]
    assert_breaks(
        lambda: rush_of_crossing_carts(carts, products),
        check_crossing,
        # PostgreSQL ends the ring; the client sees a server that is busy.
        fault=lambda outcome: outcome.statuses[503] > 0,
    )
    assert database.rows("SELECT count(*) FROM stock WHERE available < 0") == [(0,)]


@pytest.mark.system
def test_a_submission_that_waits_while_its_order_is_abandoned_says_so(
    cart: Callable[[Person], Cart], person: MakePerson, product: MakeProduct
) -> None:
    mine, jam = cart(person()), product(stock=5)
    number = mine.filled(jam)
    id = mine.door("GET", "/api/v1/cart").body["id"]
    with (
        Server() as second,  # One process would let them run one after the other.
        psycopg.connect(superuser_url()) as other,
        ThreadPoolExecutor(2) as clients,
    ):
        other.execute("SELECT FROM orders.order WHERE id = %s FOR UPDATE", [id])
        elsewhere = Door(second, mine.door.authorization)
        abandoning = clients.submit(elsewhere, "POST", "/api/v1/orders/abandon", {"id": id})
        assert wait_until(lambda: waiting(other) == 1)
        submitting = clients.submit(mine.submit, number)
        assert wait_until(lambda: waiting(other) == 2)
        other.rollback()
        assert abandoning.result().body == {"outcome": "abandoned"}
        refused = submitting.result()
    assert (refused.status, list(refused.body)) == (409, ["detail"])
    # Its former number is nobody's; the cart goes on with another.
    assert mine.submit(number).status == 404
    assert mine.submit(mine.current().body["id"]).status == 200
    assert shelf(jam).sold == 1


def waiting(connection: psycopg.Connection[Any]) -> int:
    """How many transactions of this database, not of the whole cluster, wait for another."""
    blocked = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
    )
    return int((connection.execute(blocked).fetchone() or [0])[0])
