"""Contract 4: adding and removing units of the open order, and reading orders."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from larder.catalog.services.products import archive_product, change_product
from larder.compat.contract4.shapes import OrderRow, order_row
from larder.db import database
from larder.inventory import queries as inventory
from larder.orders import queries
from tests.compat.conftest import ApiClient
from tests.compat.contract4 import add, lines
from tests.compat.documented import Documented
from tests.conftest import NOW, Person

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


@pytest.fixture
def who(person: MakePerson) -> Person:
    """The customer."""
    return person()


@pytest.fixture
def other(person: MakePerson, client_of: Callable[[Person], ApiClient]) -> Documented:
    """Another customer."""
    return Documented("4", client_of(person()))


def test_the_first_unit_creates_the_order_and_the_next_increases_its_line(
    shopper: Documented, product: MakeProduct
) -> None:
    jam, tea = product(price="11.11"), product(price="2.00")
    reply = shopper("POST", f"/products/{jam}/add_to_order/")
    assert (reply.status, reply.body) == (200, {"order_id": reply.body["order_id"]})
    order = reply.body["order_id"]
    assert type(order) is int
    assert add(shopper, tea, jam) == order
    shown = shopper("GET", "/orders/current/").body
    assert lines(shown) == [(jam, 2), (tea, 1)]
    assert (shown["id"], shown["total_amount"], shown["submitted_at"]) == (order, "24.22", None)
    assert re.fullmatch(MOMENT, shown["created_at"])
    ids = [line["id"] for line in shown["orderedproduct_set"]]
    assert ids == sorted(ids)
    assert {line["order"] for line in shown["orderedproduct_set"]} == {order}
    assert {tuple(line) for line in shown["orderedproduct_set"]} == {
        ("id", "quantity", "order", "product")
    }


def test_the_body_of_an_addition_is_ignored(shopper: Documented, product: MakeProduct) -> None:
    jam = product()
    for body in (None, b"", b"{", b"[1]", {"quantity": 50}, b"\xff", b"[" * 10_000):
        assert shopper("POST", f"/products/{jam}/add_to_order/", body).status == 200
    for kind in ("text/plain", "application/x-www-form-urlencoded", "x"):
        reply = shopper("POST", f"/products/{jam}/add_to_order/", b"quantity=9", Content_Type=kind)
        assert reply.status == 200
    order = shopper("GET", "/orders/current/").body
    assert lines(order) == [(jam, 10)]
    assert shopper("POST", f"/products/{jam}/remove_from_order/", b"{").status == 200
    assert shopper("POST", f"/orders/{order['id']}/submit/", b"{").status == 200


def test_a_sold_out_product_is_refused_and_makes_no_order(
    shopper: Documented, product: MakeProduct
) -> None:
    reply = shopper("POST", f"/products/{product(stock=0)}/add_to_order/")
    assert reply.status == 400
    assert reply.body == ["Cannot add product to Order. Not enough stock."]
    assert shopper("GET", "/orders/").body == []


def test_the_cart_may_hold_more_than_the_stock_and_moves_none(
    shopper: Documented, product: MakeProduct
) -> None:
    jam = product(stock=1)
    add(shopper, jam, jam, jam)
    assert lines(shopper("GET", "/orders/current/").body) == [(jam, 3)]
    assert inventory.available([jam]) == {jam: 1}


@pytest.mark.parametrize("action", ["add_to_order", "remove_from_order"])
def test_unknown_and_deleted_products_are_not_found(
    shopper: Documented, product: MakeProduct, action: str
) -> None:
    gone = product()
    archive_product(gone, caller=None, now=NOW)
    for id in (gone, 999_999, 0, 2**63 - 1, 2**63, 10**30):
        reply = shopper("POST", f"/products/{id}/{action}/")
        assert (reply.status, list(reply.body)) == (404, ["detail"])
    assert shopper("GET", "/orders/").body == []


def test_a_full_line_is_refused_with_a_message(shopper: Documented, product: MakeProduct) -> None:
    jam = product()
    add(shopper, jam)
    shopper.client("PUT", f"/api/v1/cart/lines/{jam}", {"quantity": 1_000_000})
    reply = shopper("POST", f"/products/{jam}/add_to_order/")
    assert (reply.status, len(reply.body)) == (400, 1)
    assert "1000000" in reply.body[0]


def test_removing_the_last_unit_removes_the_line_and_keeps_the_order(
    shopper: Documented, product: MakeProduct
) -> None:
    jam = product()
    order = add(shopper, jam, jam)
    for left in ([(jam, 1)], []):
        reply = shopper("POST", f"/products/{jam}/remove_from_order/")
        assert (reply.status, reply.body) == (200, {"order_id": order})
        assert lines(shopper("GET", "/orders/current/").body) == left
    shown = shopper("GET", "/orders/").body
    assert [(one["id"], one["total_amount"]) for one in shown] == [(order, "0.00")]


def test_a_product_that_is_not_in_the_open_order_cannot_be_removed(
    shopper: Documented, other: Documented, product: MakeProduct
) -> None:
    jam, tea = product(), product()
    absent = {"detail": "Product not currently in the active Order."}
    reply = shopper("POST", f"/products/{jam}/remove_from_order/")
    assert (reply.status, reply.body) == (404, absent)  # There is no order at all.
    add(shopper, tea)
    add(other, jam)
    assert shopper("POST", f"/products/{jam}/remove_from_order/").body == absent
    order = add(shopper, jam)
    assert shopper("POST", f"/orders/{order}/submit/").status == 200
    assert shopper("POST", f"/products/{jam}/remove_from_order/").body == absent


def test_sold_out_and_deleted_products_can_be_removed(
    shopper: Documented, other: Documented, product: MakeProduct
) -> None:
    jam, tea = product(stock=1), product()
    order = add(shopper, jam, tea)
    bought = add(other, jam)
    assert other("POST", f"/orders/{bought}/submit/").status == 200
    archive_product(tea, caller=None, now=NOW)
    for id in (jam, tea):
        reply = shopper("POST", f"/products/{id}/remove_from_order/")
        assert (reply.status, reply.body) == (200, {"order_id": order})
    assert lines(shopper("GET", "/orders/current/").body) == []


def test_reading_the_open_order_creates_it_once(shopper: Documented) -> None:
    first = shopper("GET", "/orders/current/")
    assert first.status == 200
    assert first.body == {
        "id": first.body["id"],
        "total_amount": "0.00",
        "submitted_at": None,
        "created_at": first.body["created_at"],
        "orderedproduct_set": [],
    }
    assert shopper("GET", "/orders/current/").body == first.body
    assert shopper("GET", "/orders/").body == [first.body]
    assert shopper("GET", f"/orders/{first.body['id']}/").body == first.body


def test_the_total_of_an_open_order_has_current_prices(
    shopper: Documented, product: MakeProduct
) -> None:
    jam, tea = product(price="2.205"), product(price="1.00")
    order = add(shopper, jam, jam, jam, tea)

    def totals() -> set[str]:
        shown = (shopper("GET", f"/orders/{one}/").body for one in (order, "current"))
        return {one["total_amount"] for one in (*shown, *shopper("GET", "/orders/").body)}

    assert totals() == {"7.62"}  # 3 × 2.205 + 1, rounded once
    change_product(jam, {"price": Decimal("0.50")}, caller=None, now=NOW)
    assert totals() == {"2.50"}
    shopper("POST", f"/products/{tea}/remove_from_order/")
    assert totals() == {"1.50"}
    stored = database.rows('SELECT total FROM "order"')
    assert stored == [(Decimal(0),)]


def test_the_total_is_fixed_at_submission(shopper: Documented, product: MakeProduct) -> None:
    jam = product(price="2.205")
    order = add(shopper, jam, jam, jam)
    submitted = shopper("POST", f"/orders/{order}/submit/").body
    change_product(jam, {"price": Decimal(50), "name": "Dear"}, caller=None, now=NOW)
    archive_product(jam, caller=None, now=NOW)
    shown = shopper("GET", f"/orders/{order}/").body
    assert shown == submitted
    assert shown["total_amount"] == "6.62"


def test_orders_are_listed_by_ascending_id_open_and_submitted(
    shopper: Documented, other: Documented, product: MakeProduct
) -> None:
    jam = product(price="1.25")
    first = add(shopper, jam)
    shopper("POST", f"/orders/{first}/submit/")
    add(other, jam)
    second = add(shopper, jam, jam)
    shown = shopper("GET", "/orders/").body
    assert [(one["id"], one["total_amount"]) for one in shown] == [
        (first, "1.25"),
        (second, "2.50"),
    ]
    assert [one["submitted_at"] is None for one in shown] == [False, True]


def test_orders_of_other_api_versions_are_listed(shopper: Documented, product: MakeProduct) -> None:
    jam = product(stock=9, price="1.25")
    open_one = add(shopper, jam)  # Older than what follows, and still open.
    one = {"lines": [{"product": jam, "quantity": 2}]}
    placed = shopper("POST", "/api/v1/orders", one).body
    shopper("POST", f"/api/orders/{uuid4()}/", {"products": [{"id": jam, "quantity": 3}]})
    shown = shopper("GET", "/orders/").body
    assert [order["id"] for order in shown][:2] == [open_one, placed["number"]]
    assert [lines(order) for order in shown] == [[(jam, 1)], [(jam, 2)], [(jam, 3)]]
    assert [order["total_amount"] for order in shown] == ["1.25", "2.50", "3.75"]
    for order in shown[1:]:
        assert re.fullmatch(MOMENT, order["submitted_at"])
        assert shopper("GET", f"/orders/{order['id']}/").body == order


def test_the_fast_rows_equal_those_of_the_documented_serializer(
    who: Person, shopper: Documented, product: MakeProduct
) -> None:
    jam, tea = product(price="2.205"), product()
    order = add(shopper, jam, tea, jam)
    shopper("POST", f"/orders/{order}/submit/")
    add(shopper, tea)
    (part,) = queries.orders_and_draft(who.id)
    found: list[Any] = part.rows
    assert [one.placed_at is None for one in found] == [False, True]
    for one in found:
        row = order_row(one)
        # Of a line the serializer would have to ask its order for the number.
        assert [line.pop("order") for line in row["orderedproduct_set"]] == [one.number] * len(
            one.lines
        )
        document = OrderRow()
        del document.fields["orderedproduct_set"].child.fields["order"]  # type: ignore[attr-defined]
        assert row == document.to_representation(one)


def test_unknown_orders_and_orders_of_others_are_not_found(
    shopper: Documented, other: Documented, product: MakeProduct
) -> None:
    jam = product()
    open_one = add(other, jam)
    placed = other("POST", "/api/v1/orders", {"lines": [{"product": jam, "quantity": 1}]})
    for id in (open_one, placed.body["number"], 999_999, 0, 2**63 - 1, 2**63, 10**30):
        reply = shopper("GET", f"/orders/{id}/")
        assert (reply.status, list(reply.body)) == (404, ["detail"])


def test_staff_see_only_their_own_orders(
    keeper: ApiClient, shopper: Documented, product: MakeProduct
) -> None:
    order = add(shopper, product())
    assert keeper("GET", "/orders/").body == []
    assert keeper("GET", f"/orders/{order}/").status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_orders_cannot_be_written_or_deleted(
    shopper: Documented, product: MakeProduct, method: str
) -> None:
    order = add(shopper, product())
    for path in ("/orders/", f"/orders/{order}/", "/orders/current/"):
        reply = shopper(method, path, {"total_amount": "0.01"})
        assert (reply.status, list(reply.body)) == (405, ["detail"])
    assert len(shopper("GET", "/orders/").body) == 1


def test_a_path_without_the_final_slash_redirects(shopper: Documented) -> None:
    for method, status in (("GET", 301), ("HEAD", 301), ("POST", 308)):
        for path in ("/orders", "/products", "/token", "/orders/1/submit", "/orders/current"):
            reply = shopper(method, f"{path}?x=1")
            assert (reply.status, reply.headers["location"]) == (status, f"{path}/?x=1")


def test_the_open_order_is_the_cart_of_v1_and_in_no_other_contract(
    shopper: Documented, product: MakeProduct
) -> None:
    add(shopper, product())
    for path in ("/api/v1/orders", "/api/orders/", "/api/orders/orders/", "/api/order/"):
        reply = shopper("GET", path)
        assert (reply.status, reply.body["results"]) == (200, [])
