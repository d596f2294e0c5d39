"""Concurrent clients of the earlier contracts at a real server, with and without its guards.

The negative controls repeat the race on a server without one guard and expect the fault that the
guard prevents.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import count
from uuid import uuid4

import pytest

from larder.db import database
from tests.compat.conftest import ApiClient, Without, assert_books_balance
from tests.compat.crowds import Rush, Shop, stranger
from tests.compat.shops import CONTRACTS, UNAVAILABLE, Client, Contract, of, order_1, paths_of
from tests.conftest import Person
from tests.server import Server
from tests.system.race.books import assert_agree, orders_of, shelf
from tests.system.race.control import assert_breaks

pytestmark = pytest.mark.system

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
UNITS = 10
CLIENTS = 40
_numbers = count(1)


@pytest.fixture
def shop(contract: Contract, running: Server, transactional_db: None) -> Shop:
    """The contract at the server as it is."""
    return Shop(contract, running)


@pytest.fixture
def staff(shop: Shop, person: MakePerson) -> Client:
    return shop.client(person(is_staff=True))


def for_ten_units(shop: Shop, product: MakeProduct) -> Rush:
    jam = product(stock=UNITS)
    return shop.rush(shop.orders(CLIENTS, [jam]), jam)


def check_ten_sold(rush: Rush) -> None:
    assert rush.statuses == {rush.contract.placed: UNITS, 400: CLIENTS - UNITS}
    (jam,) = rush.products
    assert rush.bodies(400) == [rush.contract.sold_out(jam)] * (CLIENTS - UNITS)
    rush.assert_sold(UNITS, of=UNITS)
    # A refused order is not there; a refused cart stays as it was.
    assert orders_of(jam) == (CLIENTS if rush.contract.has_carts else UNITS)


@of("1", "2", "3", "4")
def test_forty_clients_get_exactly_ten_units(shop: Shop, product: MakeProduct) -> None:
    check_ten_sold(for_ten_units(shop, product))


@of("1", "2", "3", "4")
def test_without_row_locks_more_units_are_sold_than_the_stock(
    contract: Contract, without: Without, product: MakeProduct
) -> None:
    shop = Shop(contract, without("row locks"), is_guarded=False)
    assert_breaks(
        lambda: for_ten_units(shop, product),
        check_ten_sold,
        fault=lambda rush: rush.statuses[shop.contract.placed] > UNITS,
        meet=2,
    )


def crossing(shop: Shop, product: MakeProduct, clients: int = 8) -> Rush:
    products = [product(stock=UNITS) for _ in range(4)]
    return shop.rush(shop.orders(clients, products), *products)


def check_all_placed(rush: Rush) -> None:
    assert rush.statuses == {rush.contract.placed: len(rush.replies)}
    rush.assert_sold(len(rush.replies), of=UNITS)


@of("1", "2", "3", "4")
def test_products_in_opposite_order_do_not_deadlock(shop: Shop, product: MakeProduct) -> None:
    for _ in range(3):
        check_all_placed(crossing(shop, product))


@of("1", "2", "3", "4")
def test_without_sorted_locks_products_in_opposite_order_deadlock(
    contract: Contract, without: Without, product: MakeProduct
) -> None:
    """One order for each process, for an order that fails in a batch is tried again alone."""
    shop = Shop(contract, without("lock order"), is_guarded=False)
    assert_breaks(
        lambda: crossing(shop, product, clients=2),
        check_all_placed,
        # PostgreSQL ends the ring; the client sees a server that is busy.
        fault=lambda rush: rush.statuses[503] > 0,
        meet=2,
    )


def equals(shop: Shop, jam: int, times: int = 8) -> Rush:
    """One order of two units, sent several times at once."""
    return shop.rush([shop.contract.order(shop.client(stranger()), [(jam, 2)])] * times, jam)


def check_one_placed(rush: Rush) -> None:
    """Contract 1 repeats the first answer, contract 4 refuses to submit again."""
    placed, again = (201, 200) if rush.contract.name == "1" else (200, 400)
    others = len(rush.replies) - 1
    assert rush.statuses == {placed: 1, again: others}
    said = rush.bodies(placed) if again == 200 else [["Order already submitted."]]
    assert rush.bodies(again) == said * others
    (jam,) = rush.products
    assert (orders_of(jam), shelf(jam).sold) == (1, 2)
    assert_agree([jam])


@of("1", "4")
def test_concurrent_equal_orders_place_one_order(shop: Shop, product: MakeProduct) -> None:
    for stock in (2, 50, 2, 50):
        check_one_placed(equals(shop, product(stock=stock)))


@pytest.mark.parametrize(
    ("contract", "guard"),
    [(CONTRACTS["1"], "any claim"), (CONTRACTS["4"], "drafts locked")],
    ids=["contract 1", "contract 4"],
)
def test_without_the_guard_one_of_two_concurrent_equal_orders_ends_in_an_error(
    contract: Contract, without: Without, product: MakeProduct, guard: str
) -> None:
    """One for each process, for an order that fails in a batch is tried again alone."""
    shop = Shop(contract, without(guard), is_guarded=False)
    assert_breaks(
        lambda: equals(shop, product(stock=50), times=2),
        check_one_placed,
        fault=lambda rush: rush.statuses[500] > 0,
        meet=2,
    )


@of("1")
def test_one_id_with_two_concurrent_contents_places_one_order(
    shop: Shop, product: MakeProduct
) -> None:
    jam, id, buyer = product(stock=100), str(uuid4()), shop.client(stranger())
    rush = shop.rush([order_1(buyer, [(jam, units)], id) for units in (1, 2)] * 4, jam)
    assert rush.statuses == {201: 1, 200: 3, 409: 4}
    taken = {body["products"][0]["quantity"] for body in rush.bodies(200) + rush.bodies(201)}
    assert len(taken) == 1
    rush.assert_sold(taken.pop(), of=100)


@of("1")
def test_one_id_of_two_concurrent_customers_places_one_order(
    shop: Shop, product: MakeProduct
) -> None:
    jam, id = product(stock=100), str(uuid4())
    clients = [shop.client(stranger()) for _ in range(2)]
    rush = shop.rush([order_1(one, [(jam, 1)], id) for one in clients * 4], jam)
    assert rush.statuses == {201: 1, 200: 3, 404: 4}
    rush.assert_sold(1, of=100)


@of("1", "2", "3", "4")
def test_concurrent_reads_and_orders_cause_no_error(shop: Shop, product: MakeProduct) -> None:
    jam, tea, who = product(stock=UNITS), product(), stranger()
    paths = [*shop.contract.lists, shop.contract.details[0].format(product=tea)]
    reads = [partial(shop.client(who), "GET", path) for path in paths] * 3
    rush = shop.rush([*shop.orders(UNITS, [jam]), *reads], jam)
    bought, seen = rush.replies[:UNITS], rush.replies[UNITS:]
    assert {reply.status for reply in bought} == {shop.contract.placed}
    assert {reply.status for reply in seen} == {200}
    rush.assert_sold(UNITS, of=UNITS)


@of("1", "2", "3", "4")
def test_a_product_deleted_during_orders_leaves_stock_and_ledger_consistent(
    shop: Shop, staff: Client, product: MakeProduct
) -> None:
    jam = product(stock=UNITS)
    delete = partial(staff, "DELETE", shop.contract.product.format(product=jam))
    rush = shop.rush([*shop.orders(10, [jam]), delete], jam)
    deleted, bought = rush.replies.pop(), rush.statuses
    assert deleted.status == 204
    assert bought.keys() <= {shop.contract.placed, 400, 204}
    rush.assert_sold(bought[shop.contract.placed], of=UNITS)


@of("2", "3", "4")
def test_one_of_two_concurrent_deletions_of_a_product_succeeds(
    shop: Shop, staff: Client, product: MakeProduct
) -> None:
    delete = partial(staff, "DELETE", shop.contract.product.format(product=product()))
    assert shop.rush([delete] * 6).statuses == {204: 1, 404: 5}


@of("1", "2", "3", "4")
def test_stock_set_during_orders_is_counted_once(
    shop: Shop, staff: Client, product: MakeProduct
) -> None:
    jam = product(stock=UNITS)
    path = shop.contract.product.format(product=jam)
    change = partial(staff, "PATCH", path, {shop.contract.stock: 50})
    rush = shop.rush([*shop.orders(10, [jam]), *[change] * 3], jam)
    statuses = [reply.status for reply in rush.replies]
    assert statuses == [shop.contract.placed] * 10 + [200] * 3
    assert 40 <= shelf(jam).available <= 50
    ((ordered,),) = database.rows("SELECT count(*) FROM ledger_entry WHERE cause = 'order'", [])
    assert ordered == 10
    assert_books_balance()


@of("1", "2", "3", "4")
def test_an_account_deleted_during_orders_leaves_stock_and_ledger_consistent(
    shop: Shop, staff: Client, product: MakeProduct
) -> None:
    jam, orders, deletions = product(stock=30), [], []
    for who in [stranger() for _ in range(6)]:
        request = [(jam, 1)]
        orders += [
            shop.contract.order(shop.client(who), request)
            for _ in range(1 if shop.contract.has_carts else 3)
        ]
        path = shop.contract.account.format(**paths_of(who, jam))
        deletions.append(partial(staff, "DELETE", path))
    rush = shop.rush([*orders, *deletions], jam)
    bought = Counter(reply.status for reply in rush.replies[: len(orders)])
    assert bought.keys() <= {shop.contract.placed, 401}
    assert {reply.status for reply in rush.replies[len(orders) :]} <= {200, 204}
    rush.assert_sold(bought[shop.contract.placed], of=30)


@of("2", "3")
def test_one_of_several_concurrent_requests_gets_a_user_name(shop: Shop, anyone: ApiClient) -> None:
    requests = []
    for number, name in enumerate(["mary", "MARY", "Mary", "mary "]):
        requests.append(partial(anyone, "POST", *shop.contract.registration(name, number)))
        who = stranger()
        path = shop.contract.account.format(**paths_of(who, 0))
        requests.append(partial(shop.client(who), "PATCH", path, {shop.contract.called: name}))
    rush = shop.rush(requests)
    assert sum(reply.status < 300 for reply in rush.replies) == 1
    assert [list(body) for body in rush.bodies(400)] == [[shop.contract.called]] * 7


def rush_and_ship(shop: Shop, who: Person, product: MakeProduct) -> Rush:
    """Half of the clients order, half of them ship."""
    jam, half = product(stock=UNITS), CLIENTS // 2
    ship = partial(shop.client(who), "POST", f"/api/catalog/products/{jam}/ship/", {"quantity": 1})
    pairs = zip(shop.orders(half, [jam]), [ship] * half, strict=True)
    return shop.rush([one for pair in pairs for one in pair], jam)


def check_ten_taken(rush: Rush) -> None:
    statuses, (jam,) = rush.statuses, rush.products
    assert statuses[201] + statuses[200] == UNITS
    assert statuses[400] == CLIENTS - UNITS
    assert all(body in ({"error": UNAVAILABLE}, [UNAVAILABLE]) for body in rush.bodies(400))
    assert (shelf(jam).available, orders_of(jam)) == (0, statuses[201])
    assert_agree([jam])
    assert_books_balance()


@of("2")
def test_orders_and_shipments_share_ten_units(
    shop: Shop, person: MakePerson, product: MakeProduct
) -> None:
    check_ten_taken(rush_and_ship(shop, person(is_staff=True), product))


@of("2")
def test_without_row_locks_orders_and_shipments_exceed_the_stock(
    contract: Contract, without: Without, person: MakePerson, product: MakeProduct
) -> None:
    shop, who = Shop(contract, without("row locks"), is_guarded=False), person(is_staff=True)
    assert_breaks(
        lambda: rush_and_ship(shop, who, product),
        check_ten_taken,
        fault=lambda rush: rush.statuses[200] + rush.statuses[201] > UNITS,
        meet=2,
    )


NAME_TAKEN = {"name": ["product with this name already exists."]}


def want_one_name(shop: Shop, staff: Client, *renamed: int) -> tuple[Rush, int]:
    """Two new products, and some that are there already, are to have one name: the answers, and
    how many have it."""
    body = {"name": f"Jam {next(_numbers)}", "stock": 1}
    new = [partial(staff, "POST", "/api/product/", body)] * 2
    rush = shop.rush([*new, *[partial(staff, "PUT", f"/api/product/{id}", body) for id in renamed]])
    count = "SELECT count(*) FROM product WHERE name = %s"
    ((on_sale,),) = database.rows(count, [body["name"]])
    return rush, int(on_sale)


def check_one_named(outcome: tuple[Rush, int]) -> None:
    rush, on_sale = outcome
    made = rush.statuses[200] + rush.statuses[201]
    assert (made, on_sale) == (1, 1)
    assert rush.bodies(400) == [NAME_TAKEN] * (len(rush.replies) - 1)


@of("3")
def test_concurrent_new_and_renamed_products_do_not_get_one_name(
    shop: Shop, staff: Client, product: MakeProduct
) -> None:
    for renamed in (0, 0, 2, 0, 0, 2):
        check_one_named(want_one_name(shop, staff, *[product() for _ in range(renamed)]))
    assert_books_balance()


@of("3")
def test_without_the_name_lock_both_products_get_the_name(
    contract: Contract, without: Without, person: MakePerson
) -> None:
    shop = Shop(contract, without("name lock"), is_guarded=False)
    staff = shop.client(person(is_staff=True))
    assert_breaks(
        lambda: want_one_name(shop, staff),
        check_one_named,
        fault=lambda outcome: outcome[1] == 2,
        meet=2,
    )


def refresh_at_once(shop: Shop, who: Person) -> Rush:
    """One refresh token, used by eight clients at once."""
    anyone, path = ApiClient(shop.server), shop.contract.log_in
    token = anyone("POST", path, shop.contract.credentials(who)).body["refresh"]
    return shop.rush([partial(anyone, "POST", f"{path}refresh/", {"refresh": token})] * 8)


def check_refreshed(rush: Rush) -> None:
    """Contract 2 replaces the token, so one client gets the successor; contract 1 keeps it."""
    assert rush.statuses == ({200: 1, 401: 7} if rush.contract.name == "2" else {200: 8})


@of("1", "2")
def test_one_of_eight_concurrent_refreshes_gets_the_successor(
    shop: Shop, person: MakePerson
) -> None:
    who = person()
    for _ in range(5):
        rush = refresh_at_once(shop, who)
        check_refreshed(rush)
        successor = rush.bodies(200)[0].get("refresh")
        if shop.contract.name == "2":
            path, body = f"{shop.contract.log_in}refresh/", {"refresh": successor}
            assert ApiClient(shop.server)("POST", path, body).status == 200


@of("2")
def test_without_compare_and_swap_several_refreshes_get_a_successor(
    contract: Contract, without: Without, person: MakePerson
) -> None:
    shop, who = Shop(contract, without("compare-and-swap"), is_guarded=False), person()
    assert_breaks(
        lambda: refresh_at_once(shop, who),
        check_refreshed,
        fault=lambda rush: rush.statuses[200] > 1,
        meet=2,
    )
