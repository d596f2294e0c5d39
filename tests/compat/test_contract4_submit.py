"""Contract 4: submitting the open order."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from larder.catalog.services.products import archive_product, change_product
from larder.identity.models import Customer
from larder.inventory import queries as inventory
from tests.compat.conftest import ALL, ApiClient
from tests.compat.contract4 import add, lines
from tests.compat.documented import Documented
from tests.compat.held import held
from tests.conftest import NOW, Person
from tests.http.conftest import token_for
from tests.server import Server
from tests.tiers import LONGEST

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]


@pytest.fixture
def who(person: MakePerson) -> Person:
    """The customer."""
    return person()


@pytest.fixture
def other(person: MakePerson, client_of: Callable[[Person], ApiClient]) -> Documented:
    """Another customer."""
    return Documented("4", client_of(person()))


def short(product: int) -> list[str]:
    """The refusal for want of a product."""
    return [f"Not enough stock of product {product}. Remove or lower the quantity."]


def test_submitting_takes_the_stock_and_closes_the_order(
    shopper: Documented, product: MakeProduct
) -> None:
    jam, tea = product(stock=5, price="11.11"), product(stock=2, price="2.00")
    order = add(shopper, jam, tea, jam)
    before = shopper("GET", "/orders/current/").body
    reply = shopper("POST", f"/orders/{order}/submit/")
    assert reply.status == 200
    at = reply.body["submitted_at"]
    assert reply.body == before | {"submitted_at": at, "total_amount": "24.22"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", at)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(at)) < timedelta(minutes=1)
    assert inventory.available([jam, tea]) == {jam: 3, tea: 1}
    assert shopper("GET", f"/orders/{order}/").body == reply.body


def test_the_next_open_order_is_a_new_one(shopper: Documented, product: MakeProduct) -> None:
    jam = product()
    order = add(shopper, jam)
    shopper("POST", f"/orders/{order}/submit/")
    after = shopper("GET", "/orders/current/").body
    assert (after["id"] > order, after["orderedproduct_set"]) == (True, [])
    assert add(shopper, jam) == after["id"]
    assert [one["id"] for one in shopper("GET", "/orders/").body] == [order, after["id"]]


def test_an_order_is_sold_at_the_prices_of_its_submission(
    shopper: Documented, product: MakeProduct
) -> None:
    jam = product(price="1.00")
    order = add(shopper, jam, jam)
    change_product(jam, {"price": 3}, caller=None, now=NOW)
    assert shopper("POST", f"/orders/{order}/submit/").body["total_amount"] == "6.00"


def test_a_product_is_not_listed_after_its_last_unit_is_sold(
    shopper: Documented, product: MakeProduct
) -> None:
    jam = product(stock=1)
    order = add(shopper, jam)
    assert shopper("POST", f"/orders/{order}/submit/").status == 200
    assert shopper("GET", "/products/").body == []
    assert shopper("GET", f"/products/{jam}/").status == 404


def test_a_second_submission_is_refused_and_takes_nothing(
    shopper: Documented, product: MakeProduct
) -> None:
    jam = product(stock=5)
    order = add(shopper, jam)
    first = shopper("POST", f"/orders/{order}/submit/").body
    for _ in range(2):
        reply = shopper("POST", f"/orders/{order}/submit/")
        assert (reply.status, reply.body) == (400, ["Order already submitted."])
    assert inventory.available([jam]) == {jam: 4}
    assert shopper("GET", f"/orders/{order}/").body == first


def test_an_order_of_another_api_version_cannot_be_submitted_again(
    shopper: Documented, product: MakeProduct
) -> None:
    one = {"lines": [{"product": product(), "quantity": 1}]}
    number = shopper("POST", "/api/v1/orders", one).body["number"]
    reply = shopper("POST", f"/orders/{number}/submit/")
    assert (reply.status, reply.body) == (400, ["Order already submitted."])


def test_an_empty_order_is_refused_and_stays_open(
    shopper: Documented, product: MakeProduct
) -> None:
    order = shopper("GET", "/orders/current/").body
    for _ in range(2):
        reply = shopper("POST", f"/orders/{order['id']}/submit/")
        assert (reply.status, reply.body) == (400, ["Cannot submit an empty Order."])
        assert shopper("GET", "/orders/current/").body == order
        # Emptied is as empty as new.
        jam = product()
        add(shopper, jam)
        shopper("POST", f"/products/{jam}/remove_from_order/")


def test_the_first_line_that_lacks_stock_is_named_and_nothing_changes(
    shopper: Documented, product: MakeProduct
) -> None:
    jam, tea, hat = product(stock=1), product(stock=9), product(stock=1)
    order = add(shopper, tea, hat, jam, jam, hat)  # The lines: tea, hat, jam.
    before = shopper("GET", "/orders/current/").body
    reply = shopper("POST", f"/orders/{order}/submit/")
    assert (reply.status, reply.body) == (400, short(hat))
    assert inventory.available([jam, tea, hat]) == {jam: 1, tea: 9, hat: 1}
    assert shopper("GET", "/orders/current/").body == before
    shopper("POST", f"/products/{hat}/remove_from_order/")
    assert shopper("POST", f"/orders/{order}/submit/").body == short(jam)
    shopper("POST", f"/products/{jam}/remove_from_order/")
    assert shopper("POST", f"/orders/{order}/submit/").status == 200
    assert inventory.available([jam, tea, hat]) == {jam: 0, tea: 8, hat: 0}


def test_a_product_deleted_before_submission_counts_as_sold_out(
    shopper: Documented, product: MakeProduct
) -> None:
    jam, tea, hat = product(stock=1), product(), product(stock=1)
    order = add(shopper, jam, tea, hat, hat)
    archive_product(tea, caller=None, now=NOW)
    reply = shopper("POST", f"/orders/{order}/submit/")
    assert (reply.status, reply.body) == (400, short(tea))  # Before the one that is short.
    shopper("POST", f"/products/{tea}/remove_from_order/")
    assert shopper("POST", f"/orders/{order}/submit/").body == short(hat)
    assert lines(shopper("GET", "/orders/current/").body) == [(jam, 1), (hat, 2)]


def test_a_deleted_product_after_a_short_line_is_not_named(
    shopper: Documented, product: MakeProduct
) -> None:
    hat, tea = product(stock=1), product()
    order = add(shopper, hat, hat, tea)
    archive_product(tea, caller=None, now=NOW)
    assert shopper("POST", f"/orders/{order}/submit/").body == short(hat)


def test_unknown_orders_and_orders_of_others_are_not_found_and_not_changed(
    shopper: Documented, other: Documented, product: MakeProduct
) -> None:
    jam = product(stock=5)
    theirs = add(other, jam)
    for id in (theirs, 999_999, 0, 2**63 - 1, 2**63, 10**30):
        reply = shopper("POST", f"/orders/{id}/submit/")
        assert (reply.status, list(reply.body)) == (404, ["detail"])
    other("POST", f"/orders/{theirs}/submit/")
    assert shopper("POST", f"/orders/{theirs}/submit/").status == 404
    assert inventory.available([jam]) == {jam: 4}


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_submitting_accepts_only_post(
    shopper: Documented, product: MakeProduct, method: str
) -> None:
    order = add(shopper, product())
    reply = shopper(method, f"/orders/{order}/submit/")
    assert (reply.status, list(reply.body)) == (405, ["detail"])
    assert shopper("GET", "/orders/current/").body["id"] == order


def test_the_word_current_cannot_be_submitted(shopper: Documented) -> None:
    # Not a path of the contract: its document has nothing to say of it.
    assert shopper.client("POST", "/orders/current/submit/").status == 404


def test_an_account_that_may_not_order_can_fill_but_not_submit_the_open_order(
    who: Person, shopper: Documented, product: MakeProduct
) -> None:
    jam = product(stock=5)
    Customer.objects.filter(pk=who.id).update(may_order=False)
    order = add(shopper, jam)
    reply = shopper("POST", f"/orders/{order}/submit/")
    assert (reply.status, list(reply.body)) == (403, ["detail"])
    assert inventory.available([jam]) == {jam: 5}
    assert lines(shopper("GET", "/orders/current/").body) == [(jam, 1)]


def test_an_account_that_is_deactivated_during_submission_is_refused(
    who: Person, shopper: Documented, product: MakeProduct
) -> None:
    jam = product(stock=5)
    order = add(shopper, jam)
    with held('LOCK TABLE "order" IN ACCESS EXCLUSIVE MODE') as begin:
        asked = begin(lambda: shopper("POST", f"/orders/{order}/submit/"))
        Customer.objects.filter(pk=who.id).update(is_active=False)
    reply = asked.result(LONGEST)
    assert (reply.status, list(reply.body)) == (401, ["detail"])
    assert reply.headers["www-authenticate"] == 'Basic realm="api"'
    assert inventory.available([jam]) == {jam: 5}


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"min_quantity": 3}, "at least 3, in multiples of 1."),
        ({"max_per_order": 1}, "at least 1, at most 1, in multiples of 1."),
        ({"step": 3}, "at least 1, in multiples of 3."),
    ],
)
def test_a_quantity_against_the_rules_is_refused_with_a_message(
    shopper: Documented, product: MakeProduct, rules: dict[str, int], said: str
) -> None:
    jam = product(stock=5, **rules)
    order = add(shopper, jam, jam)
    reply = shopper("POST", f"/orders/{order}/submit/")
    sentence = f"Product {jam} is not sold in this quantity: {said}"
    assert (reply.status, reply.body) == (400, [sentence])
    assert inventory.available([jam]) == {jam: 5}


def test_missing_stock_is_refused_before_order_rules(
    shopper: Documented, product: MakeProduct
) -> None:
    jam, tea = product(max_per_order=1), product(stock=1)
    order = add(shopper, jam, jam, tea, tea)
    assert shopper("POST", f"/orders/{order}/submit/").body == short(tea)


@pytest.mark.system
def test_an_order_below_the_minimum_total_is_refused_with_a_message(
    who: Person, product: MakeProduct, transactional_db: None
) -> None:
    jam = product(stock=5, price="4.00")
    with Server(workers=1, environment={"COMPAT": ALL, "MIN_ORDER_TOTAL": "5"}) as server:
        client = Documented("4", ApiClient(server, f"Bearer {token_for(who)}"))
        order = add(client, jam)
        reply = client("POST", f"/orders/{order}/submit/")
        sentence = "The Order's total of 4.00 is below the minimum of 5.00."
        assert (reply.status, reply.body) == (400, [sentence])
        add(client, jam)
        assert client("POST", f"/orders/{order}/submit/").status == 200
