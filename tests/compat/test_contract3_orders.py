"""Contract 3: placing an order, and the list of ordered lines."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from larder.db import database
from tests.compat.conftest import ApiClient, assert_books_balance
from tests.compat.contract3 import As, Client
from tests.compat.documented import Documented
from tests.conftest import Person
from tests.server import Server

MakeProduct = Callable[..., int]

ORDERS = "/api/order/"
CREATED = {"status": "created"}


@pytest.fixture
def client_of(client_of: Callable[[Person], ApiClient]) -> As:
    """A client as a person, held against the document."""
    return lambda who: Documented("3", client_of(who))


@pytest.fixture
def anyone(anyone: ApiClient) -> Client:
    """A client without credentials, held against the document."""
    return Documented("3", anyone)


def order(client: Client, *lines: tuple[int, int], **more: Any) -> int:
    body = {"products": [{"id": product, "quantity": units} for product, units in lines]} | more
    answer = client("POST", ORDERS, body)
    if answer.status == 201:
        assert answer.body == CREATED
    return answer.status


def stock(client: Client, product: int) -> int:
    found: int = client("GET", f"/api/product/{product}").body["stock"]
    return found


def rows(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client("GET", f"{ORDERS}?limit=1000").body["results"]
    return found


def test_an_order_takes_every_quantity_from_stock(shopper: Client, product: MakeProduct) -> None:
    jam, tea = product(stock=20), product(stock=4)
    assert order(shopper, (jam, 15), (tea, 4)) == 201
    assert (stock(shopper, jam), stock(shopper, tea)) == (5, 0)
    assert_books_balance()


def test_the_amounts_of_a_line_are_numbers(shopper: Client, product: MakeProduct) -> None:
    redbull = product(stock=20, price="2.6", name="RedBull")
    assert order(shopper, (redbull, 15)) == 201
    answer = shopper("GET", ORDERS)
    assert answer.status == 200
    assert list(answer.body) == ["count", "next", "previous", "results"]
    (row,) = answer.body["results"]
    placed = row["created_at"]
    assert row == {
        "product": redbull,
        "quantity": 15,
        "name": "RedBull",
        "unit_price": 2.6,
        "total": 39.0,
        "created_at": placed,
        "updated_at": placed,
    }
    assert [type(row[name]) for name in ("product", "quantity")] == [int, int]
    assert [type(row[name]) for name in ("unit_price", "total")] == [float, float]
    ((at,),) = database.rows("""SELECT placed_at FROM "order" """, [])
    assert placed == at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.mark.parametrize(
    ("price", "units", "unit_price", "total"),
    [
        ("0.1", 3, 0.1, 0.3),  # not 0.30000000000000004
        ("0.001", 7, 0.001, 0.007),
        ("1.1", 3, 1.1, 3.3),
        ("2.675", 1, 2.675, 2.675),
        ("0", 5, 0.0, 0.0),
        ("4.35", 100, 4.35, 435.0),
        ("999999.999", 1_000_000, 999999.999, 999999999000.0),
        ("123456789.123", 999, 123456789.123, 123333332333.877),
        ("999999999.999", 1_000_000, 999999999.999, 999999999999000.0),
    ],
)
def test_money_is_exact_to_three_decimals(
    price: str, units: int, unit_price: float, total: float, shopper: Client, product: MakeProduct
) -> None:
    gold = product(stock=1_000_000, price=price)
    assert order(shopper, (gold, units)) == 201
    (row,) = rows(shopper)
    assert (repr(row["unit_price"]), repr(row["total"])) == (repr(unit_price), repr(total))


def test_lines_are_listed_as_sent_and_the_newest_order_first(
    shopper: Client, product: MakeProduct
) -> None:
    jam, tea, rum = product(), product(), product()
    assert order(shopper, (rum, 1), (jam, 2), (tea, 3)) == 201
    assert order(shopper, (tea, 1), (jam, 1)) == 201
    shown = [(row["product"], row["quantity"]) for row in rows(shopper)]
    assert shown == [(tea, 1), (jam, 1), (rum, 1), (jam, 2), (tea, 3)]


def test_lines_are_counted_and_paged_not_orders(
    running: Server, shopper: Client, product: MakeProduct
) -> None:
    made = [product() for _ in range(4)]
    for _ in range(2):
        assert order(shopper, *((one, 1) for one in made)) == 201
    first = shopper("GET", ORDERS).body
    base = f"http://127.0.0.1:{running.port}{ORDERS}"
    assert (first["count"], len(first["results"]), first["previous"]) == (8, 5, None)
    assert first["next"] == f"{base}?limit=5&offset=5"
    second = shopper("GET", f"{ORDERS}?limit=5&offset=5").body
    assert (len(second["results"]), second["next"]) == (3, None)
    assert second["previous"] == f"{base}?limit=5"
    assert [row["product"] for row in first["results"] + second["results"]] == made * 2


def test_lines_of_one_product_are_summed(shopper: Client, product: MakeProduct) -> None:
    jam, tea = product(stock=9), product(stock=9)
    assert order(shopper, (jam, 2), (tea, 1), (jam, 3)) == 201
    shown = [(row["product"], row["quantity"]) for row in rows(shopper)]
    assert shown == [(jam, 5), (tea, 1)]
    assert order(shopper, (jam, 2), (jam, 3)) == 400
    assert stock(shopper, jam) == 4


def test_a_line_keeps_the_price_and_name_from_placing(
    shopper: Client, keeper: Client, product: MakeProduct
) -> None:
    jam = product(stock=5, price="1.5", name="Jam")
    order(shopper, (jam, 2))
    keeper("PUT", f"/api/product/{jam}", {"name": "Gold", "price": "9"})
    (row,) = rows(shopper)
    assert (row["name"], row["unit_price"], row["total"]) == ("Jam", 1.5, 3.0)


def test_price_total_owner_and_status_in_a_request_are_ignored(
    shopper: Client, keeper: Client, product: MakeProduct
) -> None:
    jam = product(stock=5, price="1.5")
    line = {"id": jam, "quantity": 1, "price": 0, "unit_price": 0, "total": 0}
    body = {"products": [line], "status": "draft", "user": 1, "total": 0, "id": 5}
    assert shopper("POST", ORDERS, body).body == CREATED
    assert rows(shopper)[0]["total"] == 1.5
    assert rows(keeper) == []


def test_customers_do_not_see_lines_of_others(
    shopper: Client, keeper: Client, person: Callable[..., Person], product: MakeProduct
) -> None:
    order(shopper, (product(), 1))
    assert keeper("GET", ORDERS).body == {
        "count": 0,
        "next": None,
        "previous": None,
        "results": [],
    }


def test_lines_of_the_cart_are_not_in_the_list(shopper: Client, product: MakeProduct) -> None:
    jam = product(stock=5)
    assert shopper("POST", f"/products/{jam}/add_to_order/").status == 200
    assert rows(shopper) == []


def test_an_order_is_placed_with_all_lines_or_not_at_all(
    shopper: Client, product: MakeProduct
) -> None:
    jam, tea = product(stock=5), product(stock=1)
    body = {"products": [{"id": jam, "quantity": 2}, {"id": tea, "quantity": 2}]}
    short = shopper("POST", ORDERS, body)
    assert short.status == 400
    assert short.body == {"detail": f"Not enough stock of product {tea}."}
    assert short.headers["content-type"] == "application/json"
    body = {"products": [{"id": jam, "quantity": 2}, {"id": 999_999, "quantity": 1}]}
    unknown = shopper("POST", ORDERS, body)
    assert (unknown.status, unknown.body) == (400, {"detail": "Product 999999 does not exist."})
    assert (stock(shopper, jam), stock(shopper, tea), rows(shopper)) == (5, 1, [])
    assert_books_balance()


def test_an_archived_product_is_unknown(
    shopper: Client, keeper: Client, product: MakeProduct
) -> None:
    jam = product(stock=5)
    keeper("DELETE", f"/api/product/{jam}")
    answer = shopper("POST", ORDERS, {"products": [{"id": jam, "quantity": 1}]})
    assert (answer.status, answer.body) == (400, {"detail": f"Product {jam} does not exist."})


def test_the_rules_of_a_product_apply_in_contract_3(shopper: Client, product: MakeProduct) -> None:
    eggs = product(stock=50, step=6, min_quantity=6, max_per_order=12)
    for units in (1, 7, 18):
        answer = shopper("POST", ORDERS, {"products": [{"id": eggs, "quantity": units}]})
        assert answer.status == 400
        assert answer.body == {"detail": f"This quantity of product {eggs} is not sold."}
    assert order(shopper, (eggs, 12)) == 201


def test_an_account_that_may_not_order_is_refused_with_the_reason(
    person: Callable[..., Person], client_of: As, product: MakeProduct
) -> None:
    waiting = client_of(person(may_order=False))
    answer = waiting("POST", ORDERS, {"products": [{"id": product(), "quantity": 1}]})
    assert (answer.status, list(answer.body)) == (403, ["detail"])


@pytest.mark.parametrize(
    "quantity", [0, -1, 1.5, 2.0, "2", "", None, True, [], {}, 1_000_001, 10**30, 1e400]
)
def test_a_quantity_is_an_integer_from_1(
    quantity: object, shopper: Client, product: MakeProduct
) -> None:
    jam = product(stock=5)
    line = {"id": jam, "quantity": quantity}
    answer = shopper("POST", ORDERS, {"products": [{"id": jam, "quantity": 1}, line]})
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert (stock(shopper, jam), rows(shopper)) == (5, [])


@pytest.mark.parametrize(
    "products",
    [
        None,
        [],
        {},
        "1",
        1,
        [1],
        [None],
        [[]],
        [{}],
        [{"id": 1}],
        [{"quantity": 1}],
        [{"id": "1", "quantity": 1}],
        [{"id": True, "quantity": 1}],
        [{"id": 1.0, "quantity": 1}],
        [{"id": 10**30, "quantity": 1}],
        [{"product": 1, "quantity": 1}],
        {"0": {"id": 1, "quantity": 1}},
        [{"id": 1, "quantity": 1}] * 1001,
    ],
)
def test_malformed_lines_are_refused_under_products(
    products: object, shopper: Client, product: MakeProduct
) -> None:
    product(stock=5000)
    answer = shopper("POST", ORDERS, {"products": products})
    assert (answer.status, list(answer.body)) == (400, ["products"])
    assert rows(shopper) == []


def test_lines_are_required(shopper: Client) -> None:
    answer = shopper("POST", ORDERS, {"lines": []})
    assert (answer.status, answer.body) == (400, {"products": ["This field is required."]})
    empty = shopper("POST", ORDERS, {"products": []})
    assert (empty.status, empty.body) == (400, {"products": ["This list may not be empty."]})


def test_a_key_gives_access_to_contract_3(
    person: Callable[..., Person], anyone: Client, product: MakeProduct
) -> None:
    who = person()
    credentials = {"username": who.customer.username, "password": who.password}
    key = anyone("POST", "/auth/", credentials).body["token"]
    client = partial(anyone, Authorization=f"Token {key}")
    assert order(client, (product(), 1)) == 201
    (row,) = rows(client)
    assert row["quantity"] == 1


def test_a_password_gives_no_access_to_contract_3(
    by_password: Callable[[Person], ApiClient], person: Any
) -> None:
    client = by_password(person())
    for path in (ORDERS, "/api/product/", "/api/user/"):
        assert client("GET", path).status == 401
