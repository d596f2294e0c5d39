"""The number of statements of each frequent operation. A number here changes only on purpose."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from larder.core.ids import new_id
from tests.conftest import Api, Person
from tests.http.log_ins import newest_token
from tests.v1.moving import STAFF_AGAIN
from tests.v1.placing import place

Counted = Callable[[int], AbstractContextManager[Any]]
Product = Callable[..., int]

TRANSACTION = 2
"""BEGIN and COMMIT; inside a test SAVEPOINT and RELEASE."""
MOVING = TRANSACTION + 1
"""And the limit of its waits for locks."""
PLACING = TRANSACTION + 2
"""And how long it may wait for a lock, and its turn."""


@pytest.fixture
def exactly(django_assert_num_queries: Any, customer: Api, sessions_known: None) -> Counted:
    """`with exactly(2): …` fails unless two statements are run."""

    def counted(number: int) -> AbstractContextManager[Any]:
        customer("GET", "me")
        context: AbstractContextManager[Any] = django_assert_num_queries(number)
        return context

    return counted


def test_a_page_of_products_of_any_length_costs_one_statement(
    customer: Api, product: Product, exactly: Counted
) -> None:
    for _ in range(30):
        product()
    with exactly(1):  # products with their stock; the token is not looked up
        customer("GET", "products")
    with exactly(1):
        customer("GET", "products?limit=30&q=product&in_stock=true&ordering=-price")
    with exactly(2):  # and the count that was requested
        customer("GET", "products?count=true")
    with exactly(1):
        customer("GET", "products?sku=SKU-1&barcode=5012345678900")


def test_a_product_costs_one_statement(customer: Api, product: Product, exactly: Counted) -> None:
    jam = product()
    with exactly(1):
        customer("GET", f"products/{jam}")


def test_stock_figures_cost_one_statement(
    customer: Api, product: Product, exactly: Counted
) -> None:
    asked = ",".join(str(product()) for _ in range(5))
    with exactly(1):
        customer("GET", f"stock?products={asked}")


@pytest.mark.parametrize("lines", [1, 3, 99])
def test_placing_any_number_of_lines_costs_seven_statements(
    customer: Api, product: Product, exactly: Counted, lines: int
) -> None:
    products = [product() for _ in range(lines)]
    # the customer's standing; the quota; the locks; offers under the locks; stock and ledger; the
    # order
    with exactly(PLACING + 6):
        place(customer, *[(one, 1) for one in products])


def test_a_key_costs_placing_one_statement_and_a_chosen_id_two(
    customer: Api, product: Product, exactly: Counted
) -> None:
    jam = product(stock=99)
    with exactly(PLACING + 6 + 1):  # the claim
        place(customer, (jam, 1), headers={"Idempotency_Key": "a"})
    with exactly(PLACING + 6 + 2):  # the claim; is it the id of an order that had no claim?
        place(customer, (jam, 1), id=str(new_id()))
    with exactly(PLACING + 6 + 2):  # one claim for both
        place(customer, (jam, 1), id=str(new_id()), headers={"Idempotency_Key": "b"})


def test_a_refused_order_runs_no_statement_after_the_decision(
    customer: Api, product: Product, exactly: Counted
) -> None:
    jam = product(stock=1)
    with exactly(PLACING + 5):  # standing, quota, locks, offers; and back to the quota
        place(customer, (jam, 2))
    with exactly(PLACING + 5 + 2):  # and the claim, and giving it back
        place(customer, (jam, 2), headers={"Idempotency_Key": "a"})


def test_a_repeat_costs_five_statements_and_writes_no_row(
    customer: Api, product: Product, exactly: Counted
) -> None:
    jam = product(stock=9)
    place(customer, (jam, 1), headers={"Idempotency_Key": "a"})
    # the claim that fails, the earlier one, what was placed, the order, its lines
    with exactly(PLACING + 5) as seen:
        place(customer, (jam, 1), headers={"Idempotency_Key": "a"})
    written = [one["sql"] for one in seen.captured_queries if "INSERT" in one["sql"]]
    assert all("ON CONFLICT DO NOTHING" in sql for sql in written)


def test_a_page_of_history_of_any_length_costs_two_statements(
    customer: Api, product: Product, exactly: Counted
) -> None:
    jam, tea = product(stock=99), product(stock=99)
    for _ in range(10):
        place(customer, (jam, 1), (tea, 1), reference="PO")
    with exactly(2):  # the orders, all their lines
        customer("GET", "orders")
    with exactly(3):  # and the count
        customer("GET", "orders?count=true&limit=3&status=placed")
    with exactly(2):  # of several statuses, or by reference, too
        customer("GET", "orders?status=placed,packed,shipped")
    with exactly(2):
        customer("GET", "orders?reference=PO")


def test_an_export_costs_two_statements_for_each_hundred_orders(
    customer: Api, product: Product, exactly: Counted
) -> None:
    jam = product(stock=99)
    for _ in range(3):
        place(customer, (jam, 1))
    with exactly(2):
        customer("GET", "orders.csv")


def test_addresses_cost_one_statement_to_read_and_six_to_add(
    customer: Api, exactly: Counted
) -> None:
    # The account's lock; its session; how many there are; the quota; it; and in its current state.
    with exactly(TRANSACTION + 6):
        path = customer("POST", "me/addresses", {"label": "Home"}).headers["Location"]
    with exactly(1):
        customer("GET", "me/addresses")
    # The account's lock and session; it; and in its current state.
    with exactly(TRANSACTION + 4):
        customer("PATCH", path, {"label": "Work"})
    # The account's lock and session; its lock, in the version that was read; it.
    with exactly(TRANSACTION + 4):
        customer("DELETE", path)


def test_sessions_cost_one_statement_to_read_one_to_end_and_three_to_end_all_others(
    person: Callable[..., Person], exactly: Counted
) -> None:
    who = person()
    credentials = {"username": who.customer.username, "password": who.password}
    for _ in range(5):
        pair = Api()("POST", "auth/token", credentials).body
    mine = Api(pair["access"])
    with exactly(1):
        path = f"me/sessions/{mine('GET', 'me/sessions').body['results'][0]['id']}"
    with exactly(1):
        mine("GET", path)
    with exactly(1):
        mine("DELETE", path)
    with exactly(TRANSACTION + 3):  # the account's epoch, written and read; the one that asks
        mine("DELETE", "me/sessions")


def test_changing_a_password_costs_eleven_statements_for_any_number_of_sessions(
    person: Callable[..., Person], as_: Callable[[Person], Api], exactly: Counted
) -> None:
    who = person()
    body = {"current_password": who.password, "new_password": "a horse of another colour"}
    # its name, the two tries counted; the account, to judge the passwords by;
    # its lock; the password; its epoch, written and read; the log-in that asks; the key; the try
    # that was none
    mine = as_(who)
    with exactly(TRANSACTION + 11):
        assert mine("POST", "auth/password/change", body).status == 204


def test_requesting_a_reset_costs_five_statements_and_confirming_it_seven(
    api: Api, person: Callable[..., Person], exactly: Counted
) -> None:
    person(email="ada@example.com")
    # the try; whose address it is; the reset, the mail, the job
    with exactly(TRANSACTION + 5):
        api("POST", "auth/password/reset", {"email": "ada@example.com"})
    body = {"reset_token": newest_token(), "new_password": "a horse of another colour"}
    # the try; the account, its lock; the password, log-ins, keys; the resets
    with exactly(TRANSACTION + 7):
        assert api("POST", "auth/password/reset/confirm", body).status == 204


def test_an_order_costs_two_statements_and_its_events_three(
    customer: Api, product: Product, exactly: Counted
) -> None:
    path = place(customer, (product(), 1)).headers["Location"]
    with exactly(2):  # the order, its lines
        customer("GET", path)
    with exactly(3):  # whose order it is takes the same two; the events
        customer("GET", f"{path}/events")


@pytest.mark.parametrize("lines", [1, 3, 99])
def test_a_cart_costs_four_statements_to_read_and_eight_more_to_fill(
    customer: Api, product: Product, exactly: Counted, lines: int
) -> None:
    body = {"lines": [{"product": product(), "quantity": 1} for _ in range(lines)]}
    with exactly(2):  # there is none; which one ended last
        customer("GET", "cart")
    # offers; is there one, twice; it is begun, locked, read, filled, counted; the quota; and shown
    with exactly(TRANSACTION + 9 + 4):
        customer("PUT", "cart", body)
    with exactly(4):  # the draft, its lines, their products, what is available
        customer("GET", "cart")
    for line in body["lines"]:
        line["quantity"] = 2
    with exactly(TRANSACTION + 6 + 4):  # offers; locked, read, changed, counted; the quota
        customer("PUT", "cart", body)
    with exactly(TRANSACTION + 3 + 4):  # offers; locked, read; there is nothing to change
        customer("PUT", f"cart/lines/{body['lines'][0]['product']}", {"quantity": 2})


def test_submitting_costs_three_statements_more_than_placing(
    customer: Api, product: Product, exactly: Counted
) -> None:
    jam, key = product(stock=99), {"Idempotency_Key": "a"}
    line = {"lines": [{"product": jam, "quantity": 1}]}
    customer("PUT", "cart", line)
    with exactly(PLACING + 6 + 3):  # which draft it is, its lock, its lines
        customer("POST", "cart/submit")
    customer("PUT", "cart", line)
    with exactly(PLACING + 6 + 3 + 2):  # the claim; which order came of it
        customer("POST", "cart/submit", **key)
    with exactly(PLACING + 5):  # as any replay
        customer("POST", "cart/submit", **key)
    with exactly(PLACING + 2):  # the customer's standing; there is no cart
        customer("POST", "cart/submit")


def test_a_page_of_the_ledger_of_any_length_costs_three_statements(
    customer: Api, staff: Api, product: Product, exactly: Counted
) -> None:
    jam = product(stock=99)
    with exactly(1 + 1):  # staff's rights, the entries: an opening refers to no order
        staff("GET", f"products/{jam}/ledger")
    for _ in range(10):
        place(customer, (jam, 1))
    with exactly(1 + 2):  # and which orders they are of
        staff("GET", f"products/{jam}/ledger")


@pytest.mark.parametrize("lines", [1, 3, 99])
def test_a_move_of_a_customer_costs_eleven_statements(
    customer: Api, staff: Api, product: Product, exactly: Counted, lines: int
) -> None:
    path = place(customer, *[(product(), 1) for _ in range(lines)]).headers["Location"]
    # how many lines; the order's lock, its lines; whether the account is still there; the quota;
    # stock: locks, the movements; the order with its event; what is answered: the order, its lines
    with exactly(MOVING + 10 + 1):  # the claim
        customer("POST", f"{path}/cancel", Idempotency_Key="a")
    with exactly(MOVING + 5 + 2):  # made before; the claim, which is released
        customer("POST", f"{path}/cancel", Idempotency_Key="b")
    with exactly(MOVING + 3 + 2):  # a replay: the claim that fails, the earlier one
        customer("POST", f"{path}/cancel", Idempotency_Key="a")
    # for which reason it was; refused, so nothing is shown, and inside a test a rollback is two
    with exactly(MOVING + 2 + 2 + 1):
        customer("POST", f"{path}/cancel", {"reason": "any"})


@pytest.mark.parametrize("lines", [2, 100])
def test_packing_fewer_units_writes_all_lines_with_two_statements(
    customer: Api, staff: Api, product: Product, exactly: Counted, lines: int
) -> None:
    products = [product() for _ in range(lines)]
    path = place(customer, *[(one, 2) for one in products]).headers["Location"]
    picked = [{"product": one, "quantity": number % 2} for number, one in enumerate(products)]
    # staff's rights; how many lines; a move, and whether it was undone; its audit entry; the lines
    # that were not there, those with fewer
    with exactly(1 + MOVING + STAFF_AGAIN + 10 + 2):
        assert staff("POST", f"{path}/pack", {"lines": picked}).status == 200


def test_packing_in_full_moves_no_stock(
    customer: Api, staff: Api, product: Product, exactly: Counted
) -> None:
    path = place(customer, *[(product(), 2) for _ in range(20)]).headers["Location"]
    with exactly(1 + MOVING + STAFF_AGAIN + 10 - 2):
        assert staff("POST", f"{path}/pack").status == 200


def test_a_return_writes_its_lines_in_one_statement(
    customer: Api, staff: Api, product: Product, exactly: Counted
) -> None:
    products = [product() for _ in range(50)]
    path = place(customer, *[(one, 1) for one in products]).headers["Location"]
    for move in ("pack", "ship"):
        staff("POST", f"{path}/{move}")
    back = [{"product": one, "quantity": 1} for one in products]
    with exactly(
        1 + MOVING + STAFF_AGAIN + 9 + 1
    ):  # staff's rights; a move, its audit entry; the lines
        staff("POST", f"{path}/return", {"lines": back, "reason": "any"})


def test_a_change_costs_a_statement_for_each_kind_of_line_and_not_for_each_line(
    customer: Api, product: Product, exactly: Counted
) -> None:
    products = [product() for _ in range(60)]
    path = place(customer, *[(one, 2) for one in products[:40]]).headers["Location"]

    def change(units: dict[int, int]) -> None:
        lines = [{"product": one, "quantity": number} for one, number in units.items()]
        assert customer("PATCH", path, {"lines": lines}).status == 200

    with exactly(MOVING + 10 + 1 + 1):  # a move; offers under the locks; lines with fewer
        change(dict.fromkeys(products[:40], 1))
    with exactly(MOVING + 10 + 1 + 1 + 3):  # may they order; lines gone, changed, new
        change(dict.fromkeys(products[20:], 3))
    with exactly(MOVING + 3 + 2):  # a note that is the same: nothing is written
        customer("PATCH", path, {"note": ""})


def test_a_request_of_staff_costs_one_statement_more_for_their_rights(
    staff: Api, product: Product, exactly: Counted
) -> None:
    jam = product()
    with exactly(1 + 1):
        staff("GET", f"stock?products={jam}")
    with exactly(1 + 2):  # and the fields of the product that only staff see
        staff("GET", f"products/{jam}")


def test_an_early_refusal_costs_no_statement(customer: Api, api: Api, exactly: Counted) -> None:
    with exactly(0):
        api("GET", "products")
        customer("GET", "products?limit=0")
        customer("POST", "orders", b"{")
        customer("GET", "nothing")
