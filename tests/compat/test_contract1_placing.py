"""Contract 1: placing an order under an id from the client, once for any number of requests."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid1, uuid4, uuid5

import pytest

from larder.catalog.services.products import archive_product, change_product
from larder.core.clock import now
from larder.inventory.models import Stock
from larder.orders.models import Order
from larder.orders.services.drafts import ensure_draft
from tests.compat.conftest import ApiClient
from tests.compat.documented import Documented
from tests.conftest import Person

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
ClientOf = Callable[[Person], ApiClient]


@pytest.fixture
def buyer(shopper: ApiClient) -> Documented:
    """A customer; the document of the contract judges every answer."""
    return Documented("1", shopper)


def left(product: int) -> int:
    return int(Stock.objects.get(product_id=product).available)


def at(id: object) -> str:
    return f"/api/orders/{id}/"


def test_a_placed_order_is_returned_with_all_fields(
    buyer: Documented, product: MakeProduct
) -> None:
    jam, tea, id = product(name="Jam", price="12.50"), product(name="Tea", price="0.333"), uuid4()
    lines = [{"id": tea, "quantity": 3}, {"id": jam, "quantity": 2}]
    answer = buyer("POST", at(id), {"products": lines})
    assert answer.status == 201
    placed_at = answer.body.pop("created_at")
    assert answer.body == {
        "id": str(id),
        "products": [
            {"id": tea, "name": "Tea", "price": "0.33", "quantity": 3},
            {"id": jam, "name": "Jam", "price": "12.50", "quantity": 2},
        ],
        "total": "26.00",
    }
    moment = datetime.strptime(placed_at, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)
    assert len(placed_at) == len("2024-03-01T12:00:00.000000Z")


def test_a_total_is_computed_exactly_and_rounded_once(
    buyer: Documented, product: MakeProduct
) -> None:
    jam = product(price="2.345")
    body = buyer("POST", at(uuid4()), {"products": [{"id": jam, "quantity": 3}]}).body
    assert (body["products"][0]["price"], body["total"]) == ("2.35", "7.04")


def test_each_quantity_is_taken_from_stock(buyer: Documented, product: MakeProduct) -> None:
    jam, tea = product(stock=10), product(stock=5)
    lines = [{"id": jam, "quantity": 4}, {"id": tea, "quantity": 5}]
    assert buyer("POST", at(uuid4()), {"products": lines}).status == 201
    assert (left(jam), left(tea)) == (6, 0)
    assert buyer("GET", f"/api/products/{jam}/").body["quantity"] == 6


def test_items_is_an_alias_of_products_which_has_precedence(
    buyer: Documented, product: MakeProduct
) -> None:
    jam, tea = product(), product()
    lines, others = [{"id": jam, "quantity": 1}], [{"id": tea, "quantity": 1}]
    assert buyer("POST", at(uuid4()), {"items": lines}).status == 201
    answer = buyer("POST", at(uuid4()), {"items": others, "products": lines})
    assert [line["id"] for line in answer.body["products"]] == [jam]
    assert buyer("POST", at(uuid4()), {"items": lines, "products": []}).status == 400
    assert buyer("POST", at(uuid4()), {"items": "nonsense", "products": lines}).status == 201


def test_lines_of_one_product_are_summed_at_the_first_position(
    buyer: Documented, product: MakeProduct
) -> None:
    jam, tea = product(stock=10, price="1.00"), product()
    lines = [
        {"id": jam, "quantity": 1},
        {"id": tea, "quantity": 2},
        {"id": jam, "quantity": 3},
    ]
    body = buyer("POST", at(uuid4()), {"products": lines}).body
    assert [(one["id"], one["quantity"]) for one in body["products"]] == [(jam, 4), (tea, 2)]
    assert left(jam) == 6


def test_other_fields_of_an_order_are_ignored(buyer: Documented, product: MakeProduct) -> None:
    jam, id = product(price="5.00", name="Jam"), uuid4()
    line = {"id": jam, "quantity": 2, "price": "0.01", "name": "x", "total": 0, "extra": [1]}
    body = {
        "products": [line],
        "id": str(uuid4()),
        "total": "0.01",
        "user": 1,
        "owner": None,
        "status": "cancelled",
        "created_at": "1999-01-01T00:00:00Z",
    }
    placed = buyer("POST", at(id), body)
    assert (placed.status, placed.body["id"], placed.body["total"]) == (201, str(id), "10.00")
    assert placed.body["products"][0] == {"id": jam, "name": "Jam", "price": "5.00", "quantity": 2}
    assert placed.body["created_at"] > "2020"


@pytest.mark.parametrize(
    "id",
    [
        uuid1(),
        uuid4(),
        uuid5(uuid4(), "x"),
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "12345678-1234-f234-1234-123456789abc",
    ],
)
def test_a_uuid_of_any_version_is_accepted(
    buyer: Documented, product: MakeProduct, id: object
) -> None:
    answer = buyer("POST", at(id), {"products": [{"id": product(), "quantity": 1}]})
    assert (answer.status, answer.body["id"]) == (201, str(id))


def test_an_id_in_upper_case_is_the_same_and_returned_in_lower_case(
    buyer: Documented, product: MakeProduct
) -> None:
    jam, id = product(), str(uuid4())
    body = {"products": [{"id": jam, "quantity": 1}]}
    first = buyer("POST", at(id.upper()), body)
    again = buyer("POST", at(id), body)
    assert (first.status, again.status) == (201, 200)
    assert first.body["id"] == again.body["id"] == id
    assert buyer("GET", at(id.upper())).body == first.body
    assert left(jam) == 9


def test_a_repeated_order_is_200_and_takes_no_stock(
    buyer: Documented, product: MakeProduct
) -> None:
    jam, tea, id = product(), product(), uuid4()
    lines = [{"id": jam, "quantity": 2}, {"id": tea, "quantity": 1}]
    first = buyer("POST", at(id), {"products": lines})
    for body in (
        {"products": lines},
        {"items": lines},
        {"products": lines[::-1]},
        {"products": [{"id": jam, "quantity": 1}, *lines[1:], {"id": jam, "quantity": 1}]},
        {"products": lines, "total": "99.00"},
    ):
        again = buyer("POST", at(id), body)
        assert (again.status, again.body) == (200, first.body)
    assert (left(jam), left(tea)) == (8, 9)
    assert Order.objects.count() == 1


def test_a_repeat_succeeds_after_changes_of_stock_price_and_product(
    buyer: Documented, product: MakeProduct
) -> None:
    jam, id = product(stock=2, price="1.00"), uuid4()
    body = {"products": [{"id": jam, "quantity": 2}]}
    first = buyer("POST", at(id), body)
    assert (first.status, left(jam)) == (201, 0)
    change_product(jam, {"price": Decimal("9.00"), "name": "Other"}, caller=None, now=now())
    assert buyer("POST", at(id), body).body == first.body
    archive_product(jam, caller=None, now=now())
    again = buyer("POST", at(id), body)
    assert (again.status, again.body) == (200, first.body)


@pytest.mark.parametrize("other", ["more", "fewer", "another", "one more line", "none of it"])
def test_a_used_id_with_other_content_is_409_and_changes_nothing(
    buyer: Documented, product: MakeProduct, other: str
) -> None:
    jam, tea, id = product(), product(), uuid4()
    first = buyer("POST", at(id), {"products": [{"id": jam, "quantity": 2}]})
    lines = {
        "more": [(jam, 3)],
        "fewer": [(jam, 1)],
        "another": [(tea, 2)],
        "one more line": [(jam, 2), (tea, 1)],
        "none of it": [(999_999, 1)],
    }[other]
    body = {"products": [{"id": id, "quantity": quantity} for id, quantity in lines]}
    answer = buyer("POST", at(id), body)
    assert answer.status == 409
    assert isinstance(answer.body["detail"], str)
    assert (left(jam), left(tea)) == (8, 10)
    assert buyer("GET", at(id)).body == first.body


def test_the_id_of_another_customers_order_is_404_for_any_content(
    person: MakePerson, client_of: ClientOf, product: MakeProduct
) -> None:
    jam, id = product(), uuid4()
    mine, theirs, staff = client_of(person()), client_of(person()), client_of(person(is_staff=True))
    body = {"products": [{"id": jam, "quantity": 2}]}
    first = mine("POST", at(id), body)
    unknown = theirs("GET", at(uuid4()))
    for other in (theirs, staff):
        for said in (body, {"products": [{"id": jam, "quantity": 9}]}):
            answer = Documented("1", other)("POST", at(id), said)
            assert (answer.status, answer.body) == (404, unknown.body)
    assert left(jam) == 8
    assert mine("GET", at(id)).body == first.body


def test_the_id_of_a_draft_cannot_be_reused(
    person: MakePerson, client_of: ClientOf, product: MakeProduct
) -> None:
    who = person()
    draft = ensure_draft(who.id, currency="GBP", now=now())
    body = {"products": [{"id": product(), "quantity": 1}]}
    for one in (who, person()):
        assert client_of(one)("POST", at(draft), body).status == 404
        assert client_of(one)("GET", at(draft)).status == 404


def test_an_order_keeps_its_price(buyer: Documented, product: MakeProduct) -> None:
    jam, id = product(price="1.00", name="Jam"), uuid4()
    first = buyer("POST", at(id), {"products": [{"id": jam, "quantity": 1}]})
    change_product(jam, {"price": Decimal("7.00"), "name": "Marmalade"}, caller=None, now=now())
    assert buyer("GET", at(id)).body == first.body


def test_staff_order_for_themselves_as_customers_do(
    keeper: ApiClient, product: MakeProduct
) -> None:
    answer = keeper("POST", at(uuid4()), {"products": [{"id": product(), "quantity": 1}]})
    assert answer.status == 201
    assert keeper("GET", "/api/orders/").body["count"] == 1


def test_an_order_may_have_a_thousand_lines(buyer: Documented, product: MakeProduct) -> None:
    jam = product(stock=2_000)
    answer = buyer("POST", at(uuid4()), {"products": [{"id": jam, "quantity": 1}] * 1_000})
    assert (answer.status, left(jam)) == (201, 1_000)


def test_an_account_that_may_not_order_is_403(
    person: MakePerson, client_of: ClientOf, product: MakeProduct
) -> None:
    jam, buyer = product(), Documented("1", client_of(person(may_order=False)))
    answer = buyer("POST", at(uuid4()), {"products": [{"id": jam, "quantity": 1}]})
    assert (answer.status, left(jam)) == (403, 10)
    assert isinstance(answer.body["detail"], str)
    assert buyer("GET", "/api/orders/").body["count"] == 0


def test_an_order_without_the_final_slash_redirects_with_its_method(
    shopper: ApiClient, product: MakeProduct
) -> None:
    id = uuid4()
    answer = shopper("POST", f"/api/orders/{id}", {"products": [{"id": product(), "quantity": 1}]})
    assert (answer.status, answer.headers["location"]) == (308, at(id))
    assert not Order.objects.exists()
