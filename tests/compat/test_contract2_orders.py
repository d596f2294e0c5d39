"""Contract 2: orders, placed and read."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from larder.catalog.models import Product
from larder.inventory.models import Stock
from larder.orders.models import Order, OrderLine
from tests.compat.conftest import ApiClient, assert_books_balance, bring
from tests.conftest import Person
from tests.orders.holding import SECONDS, hold, pass_seconds
from tests.server import Reply, Server

ORDERS = "/api/orders/orders/"


def uuid_of(product: int) -> str:
    return str(Product.objects.get(pk=product).public_id)


def place(client: ApiClient, *lines: tuple[int, int], **more: Any) -> Reply:
    items = [{"product": uuid_of(product), "quantity": units} for product, units in lines]
    return client("POST", ORDERS, {"order_items": items} | more)


MakeProduct = Callable[..., int]


@pytest.fixture
def mary(transactional_db: None, person: Callable[..., Person]) -> Person:
    return person("mary")


@pytest.fixture
def shopper(mary: Person, client_of: Callable[[Person], ApiClient]) -> ApiClient:
    """A client as Mary."""
    return client_of(mary)


def left(product: int) -> int:
    return Stock.objects.get(product=product).available


def test_an_order_is_placed_and_shown_with_all_fields(
    shopper: ApiClient, mary: Person, product: MakeProduct, running: Server
) -> None:
    jam, tea = product(price="100", stock=5), product(price="2.5", stock=5)
    reply = place(shopper, (jam, 3), (tea, 1))
    order = Order.objects.get()
    first, second = OrderLine.objects.order_by("id").values_list("id", flat=True)
    assert (reply.status, reply.body) == (
        201,
        {
            "id": order.number,
            "customer": str(mary.customer.public_id),
            "order_items": [
                {"id": second, "product": uuid_of(tea), "quantity": 1, "price": "2.50"},
                {"id": first, "product": uuid_of(jam), "quantity": 3, "price": "100.00"},
            ],
            "total": "302.50",
            "status": "completed",
            "url": f"http://127.0.0.1:{running.port}{ORDERS}{order.number}/",
            "public_id": str(order.id),
        },
    )
    assert reply.headers["location"] == reply.body["url"]
    assert (left(jam), left(tea)) == (2, 4)
    assert shopper("GET", f"{ORDERS}{order.number}/").body == reply.body
    assert shopper("GET", ORDERS).body["results"] == [reply.body]
    assert_books_balance()


def test_the_default_quantity_is_one(shopper: ApiClient, product: MakeProduct) -> None:
    jam = product(stock=5)
    reply = shopper("POST", ORDERS, {"order_items": [{"product": uuid_of(jam)}]})
    assert (reply.status, reply.body["order_items"][0]["quantity"], left(jam)) == (201, 1, 4)


def test_lines_of_one_product_are_summed(shopper: ApiClient, product: MakeProduct) -> None:
    jam = product(stock=5, price="2")
    reply = place(shopper, (jam, 2), (jam, 3))
    assert reply.status == 201
    assert [item["quantity"] for item in reply.body["order_items"]] == [5]
    assert (reply.body["total"], left(jam)) == ("10.00", 0)


@pytest.mark.parametrize(
    "sent",
    [
        {"total": "0.01", "status": "new", "customer": str(uuid4())},
        {"total": None, "status": "cancelled", "customer": "x", "id": 3, "public_id": "x"},
        {"total": -5, "status": 7, "customer": [], "url": {}},
    ],
)
def test_price_total_status_and_customer_are_set_by_the_server(
    sent: dict[str, Any], shopper: ApiClient, mary: Person, product: MakeProduct
) -> None:
    jam = product(stock=5, price="3")
    item = {"product": uuid_of(jam), "quantity": 2, "price": "0.01", "id": 7}
    reply = shopper("POST", ORDERS, {"order_items": [item], **sent})
    assert reply.status == 201
    assert (reply.body["total"], reply.body["status"]) == ("6.00", "completed")
    assert reply.body["customer"] == str(mary.customer.public_id)
    assert reply.body["order_items"][0]["price"] == "3.00"
    assert left(jam) == 3


@pytest.mark.parametrize("price", [None, "x", -1, []])
def test_an_invalid_price_in_a_request_is_ignored(
    price: Any, shopper: ApiClient, product: MakeProduct
) -> None:
    item = {"product": uuid_of(product()), "price": price}
    assert shopper("POST", ORDERS, {"order_items": [item]}).status == 201


def test_totals_are_computed_exactly_and_rounded_once(
    shopper: ApiClient, product: MakeProduct
) -> None:
    reply = place(shopper, (product(price="0.335"), 3), (product(price="1.005"), 1))
    assert [item["price"] for item in reply.body["order_items"]] == ["1.01", "0.34"]
    assert reply.body["total"] == "2.01"


def test_a_deleted_product_is_unknown_and_stays_in_old_orders(
    shopper: ApiClient, keeper: ApiClient, product: MakeProduct
) -> None:
    jam = product(stock=5)
    placed = place(shopper, (jam, 1)).body
    assert keeper("DELETE", f"/api/catalog/products/{jam}/").status == 204
    reply = place(shopper, (jam, 1))
    assert (reply.status, reply.body) == (400, {"error": "Product not found"})
    assert shopper("GET", f"{ORDERS}{placed['id']}/").body == placed


def test_an_order_keeps_its_prices(
    shopper: ApiClient, keeper: ApiClient, product: MakeProduct
) -> None:
    jam = product(price="2", stock=5)
    placed = place(shopper, (jam, 1)).body
    keeper("PATCH", f"/api/catalog/products/{jam}/", {"price": "9"})
    assert shopper("GET", f"{ORDERS}{placed['id']}/").body == placed


def test_orders_are_listed_by_id_in_pages_of_ten(
    shopper: ApiClient, product: MakeProduct, running: Server
) -> None:
    jam = product(stock=50)
    ids = [place(shopper, (jam, 1)).body["id"] for _ in range(11)]
    assert ids == sorted(ids)
    here = f"http://127.0.0.1:{running.port}{ORDERS}"
    first = shopper("GET", ORDERS).body
    assert (first["count"], first["previous"]) == (11, None)
    assert first["next"] == f"{here}?limit=10&offset=10"
    assert [row["id"] for row in first["results"]] == ids[:10]
    second = shopper("GET", f"{ORDERS}?limit=10&offset=10").body
    assert (second["next"], second["previous"]) == (None, f"{here}?limit=10")
    assert [row["id"] for row in second["results"]] == ids[10:]


@pytest.mark.parametrize("status", ["packed", "shipped", "delivered", "cancelled", "returned"])
def test_an_order_is_shown_as_completed_in_every_status(
    status: str, shopper: ApiClient, keeper: ApiClient, product: MakeProduct
) -> None:
    placed = place(shopper, (product(), 2)).body
    bring(keeper, placed["public_id"], status)
    assert Order.objects.get().status == status
    assert shopper("GET", f"{ORDERS}{placed['id']}/").body == placed
    assert_books_balance()


@pytest.mark.parametrize("is_staff", [False, True])
def test_an_order_of_another_customer_is_not_found(
    is_staff: bool,
    shopper: ApiClient,
    person: Callable[..., Person],
    client_of: Callable[[Person], ApiClient],
    product: MakeProduct,
) -> None:
    number = place(shopper, (product(), 1)).body["id"]
    other = client_of(person(is_staff=is_staff))
    reply = other("GET", f"{ORDERS}{number}/")
    assert (reply.status, list(reply.body)) == (404, ["detail"])
    body = other("GET", ORDERS).body
    assert (body["count"], body["results"]) == (0, [])


def test_an_order_without_the_final_slash_redirects(
    shopper: ApiClient, product: MakeProduct
) -> None:
    number = place(shopper, (product(), 1)).body["id"]
    reply = shopper("GET", f"{ORDERS}{number}")
    assert (reply.status, reply.headers["location"]) == (301, f"{ORDERS}{number}/")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_placed_order_cannot_be_changed(
    method: str, shopper: ApiClient, keeper: ApiClient, product: MakeProduct
) -> None:
    jam = product(stock=5)
    placed = place(shopper, (jam, 1)).body
    path = f"{ORDERS}{placed['id']}/"
    for client in (shopper, keeper):
        reply = client(method, path, {"status": "new", "order_items": []})
        assert reply.status == 405
        assert reply.body == {"detail": f'Method "{method}" not allowed.'}
    assert shopper("GET", path).body == placed
    assert left(jam) == 4


def test_a_pending_order_is_shown_like_others(
    shopper: ApiClient, mary: Person, product: MakeProduct
) -> None:
    """The contract has no status for a pending order."""
    jam = product(stock=5)
    held = hold(mary, (jam, 3))
    (row,) = shopper("GET", ORDERS).body["results"]
    assert (row["public_id"], row["status"]) == (str(held.id), "completed")
    pass_seconds(SECONDS, [held.id])
    assert shopper("GET", ORDERS).body["results"] == [row]
    assert place(shopper, (jam, 5)).status == 201
    assert_books_balance()
