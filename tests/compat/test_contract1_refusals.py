"""Contract 1: refused orders and the sequence of checks."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from larder.catalog.services.products import archive_product
from larder.core.clock import now
from larder.inventory.models import Stock
from larder.orders.models import Order
from tests.compat.conftest import ApiClient
from tests.compat.documented import Documented
from tests.conftest import Person

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
ClientOf = Callable[[Person], ApiClient]
NO_UUIDS = (
    "x",
    "1",
    "order",
    "4b6f0ccc9fc448eb9f1b23f7aa8e99e2",
    "4b6f0ccc-9fc4-48eb-9f1b-23f7aa8e99e",
    "4b6f0ccc-9fc4-48eb-9f1b-23f7aa8e99e22",
    "4b6f0ccc-9fc4-48eb-9f1b-23f7aa8e99eg",
    "%7B4b6f0ccc-9fc4-48eb-9f1b-23f7aa8e99e2%7D",
    "4b6f0ccc-9fc4-48eb-9f1b-23f7aa8e99e2%0A",
    "4b6f0cc%D9%A1-9fc4-48eb-9f1b-23f7aa8e99e2",
    "a%3Fb",
    "%E2%82%AC",
    "%00",
    "%FF",
)


@pytest.fixture
def buyer(shopper: ApiClient) -> Documented:
    """A customer; the document of the contract judges every answer."""
    return Documented("1", shopper)


def left(product: int) -> int:
    return int(Stock.objects.get(product_id=product).available)


def at(id: object) -> str:
    return f"/api/orders/{id}/"


NO_LISTS: list[Any] = [[], None, "x", "\0", 3, {}, True]
NO_LINES: list[Any] = [1, "x", None, [], [1], {}, {"id": 1}, {"quantity": 1}]
NO_IDS: list[Any] = [None, "x", 1.5, True, [1], "1", 10**40]


NO_ORDERS: list[dict[str, Any]] = [
    {},
    {"total": "1.00"},
    *({name: value} for name in ("products", "items") for value in NO_LISTS),
    *({"products": [line]} for line in NO_LINES),
    *({"products": [{"id": id, "quantity": 1}]} for id in NO_IDS),
]


def test_invalid_lines_are_400_on_products(buyer: Documented) -> None:
    for body in NO_ORDERS:
        answer = buyer("POST", at(uuid4()), body)
        assert answer.status == 400, body
        assert list(answer.body) == ["products"], body
    assert not Order.objects.exists()


NO_QUANTITIES: tuple[Any, ...] = (
    *(0, -1, 1.5, 2.0, None, "text", "2", "", True, [1], {}),
    *(1_000_001, 2**31, 2**63, 10**30),
)


def test_a_quantity_that_is_not_a_positive_integer_is_400_on_products(
    buyer: Documented, product: MakeProduct
) -> None:
    jam, id = product(stock=10), uuid4()
    line = {"id": jam, "quantity": 1}
    for quantity in NO_QUANTITIES:
        for name in ("products", "items"):
            answer = buyer("POST", at(id), {name: [line, {"id": jam, "quantity": quantity}]})
            assert answer.status == 400, quantity
            assert list(answer.body) == ["products"], quantity
    assert left(jam) == 10
    assert buyer("POST", at(id), {"products": [line]}).status == 201


def test_the_faulty_line_is_named(buyer: Documented, product: MakeProduct) -> None:
    lines = [{"id": product(), "quantity": 1}, {"id": product(), "quantity": 0}]
    answer = buyer("POST", at(uuid4()), {"products": lines})
    said = [{}, {"quantity": ["Ensure this value is greater than or equal to 1."]}]
    assert answer.body == {"products": said}


def test_more_than_a_thousand_lines_are_400(buyer: Documented, product: MakeProduct) -> None:
    lines = [{"id": product(), "quantity": 1}] * 1_001
    answer = buyer("POST", at(uuid4()), {"products": lines})
    assert (answer.status, list(answer.body)) == (400, ["products"])


def test_an_unknown_product_is_named_and_the_id_can_be_used_again(
    buyer: Documented, product: MakeProduct
) -> None:
    jam, gone, id = product(stock=5), product(), uuid4()
    archive_product(gone, caller=None, now=now())
    for missing in (987_654, gone, 2**63 - 1):
        lines = [{"id": jam, "quantity": 1}, {"id": missing, "quantity": 1}]
        answer = buyer("POST", at(id), {"products": lines})
        assert (answer.status, list(answer.body)) == (400, ["detail"])
        assert str(missing) in answer.body["detail"]
        assert buyer("GET", at(id)).status == 404
    assert left(jam) == 5
    assert buyer("POST", at(id), {"products": lines[:1]}).status == 201


def test_missing_stock_names_every_product_and_the_id_can_be_used_again(
    buyer: Documented, product: MakeProduct
) -> None:
    jam, tea, salt, id = product(stock=5), product(stock=0), product(stock=2), uuid4()
    short = [{"id": tea, "quantity": 1}, {"id": salt, "quantity": 3}]
    lines = [{"id": jam, "quantity": 1}, *short]
    answer = buyer("POST", at(id), {"products": lines})
    said = f"Not enough stock of product {tea}. Not enough stock of product {salt}."
    assert (answer.status, answer.body) == (400, {"detail": said})
    assert [left(one) for one in (jam, tea, salt)] == [5, 0, 2]
    assert not Order.objects.exists()
    assert buyer("POST", at(id), {"products": lines[:1]}).status == 201


def test_lines_of_one_product_are_compared_with_stock_as_a_sum(
    buyer: Documented, product: MakeProduct
) -> None:
    jam = product(stock=3)
    answer = buyer("POST", at(uuid4()), {"products": [{"id": jam, "quantity": 2}] * 2})
    assert (answer.status, left(jam)) == (400, 3)


def test_a_quantity_against_the_rules_is_400_and_names_the_product(
    buyer: Documented, product: MakeProduct
) -> None:
    jam = product(min_quantity=6, step=6)
    answer = buyer("POST", at(uuid4()), {"products": [{"id": jam, "quantity": 5}]})
    said = {"detail": f"This quantity of product {jam} is not sold."}
    assert (answer.status, answer.body, left(jam)) == (400, said, 10)


def test_an_invalid_uuid_is_404(shopper: ApiClient, product: MakeProduct) -> None:
    jam = product()
    for id in NO_UUIDS:
        for answer in (
            shopper("POST", at(id), {"products": [{"id": jam, "quantity": 1}]}),
            shopper("GET", at(id)),
        ):
            assert answer.status == 404, id
            assert isinstance(answer.body["detail"], str)
    assert left(jam) == 10


def test_an_invalid_uuid_without_the_final_slash_redirects(shopper: ApiClient) -> None:
    for id in NO_UUIDS:
        for method, status in (("GET", 301), ("POST", 308)):
            answer = shopper(method, f"/api/orders/{id}")
            assert answer.status == status, id
            assert shopper("GET", answer.headers["location"]).status == 404, id


def test_no_path_sets_extra_headers(shopper: ApiClient) -> None:
    answer = shopper("GET", "/api/orders/a%0D%0ASet-Cookie:%20a=b")
    assert (answer.status, "set-cookie" in answer.headers) == (404, False)


# The order of checks: each test has one fault of two kinds at once.


def test_credentials_are_checked_before_the_form_of_the_id(anyone: ApiClient) -> None:
    for body in (b"{", b"{}", b'{"products": [{"id": 1, "quantity": 1}]}'):
        answer = anyone("POST", at("no-uuid"), body)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="api"'
    assert anyone("POST", at("no-uuid"), {}, Authorization="Token x").status == 401


def test_credentials_are_checked_before_the_body_an_existing_id_and_stock(
    anyone: ApiClient, shopper: ApiClient, product: MakeProduct
) -> None:
    jam, id = product(stock=1), uuid4()
    body = {"products": [{"id": jam, "quantity": 1}]}
    shopper("POST", at(id), body)
    for said in (b"{", {}, body, {"products": [{"id": jam, "quantity": 9}]}):
        assert anyone("POST", at(id), said).status == 401
        assert anyone("POST", at(uuid4()), said).status == 401


def test_the_form_of_the_id_is_checked_before_the_body_and_stock(
    shopper: ApiClient, product: MakeProduct
) -> None:
    jam = product(stock=0)
    bodies: list[Any] = [b"{", {}, {"products": [1]}]
    for said in (*bodies, {"products": [{"id": jam, "quantity": 1}]}):
        assert shopper("POST", at("no-uuid"), said).status == 404


def test_the_form_of_the_body_is_checked_before_an_existing_id(
    shopper: ApiClient, person: MakePerson, client_of: ClientOf, product: MakeProduct
) -> None:
    jam, id = product(), uuid4()
    shopper("POST", at(id), {"products": [{"id": jam, "quantity": 1}]})
    bodies: list[Any] = [b"{", {}, {"products": []}, {"products": [{"id": jam, "quantity": 0}]}]
    for who in (shopper, client_of(person())):
        for said in bodies:
            assert who("POST", at(id), said).status == 400


def test_the_form_of_the_body_is_checked_before_products_and_stock(
    buyer: Documented, product: MakeProduct
) -> None:
    lines = [{"id": 999_999, "quantity": 1}, {"id": product(stock=0), "quantity": 0}]
    answer = buyer("POST", at(uuid4()), {"products": lines})
    assert (answer.status, list(answer.body)) == (400, ["products"])


def test_an_existing_id_is_checked_before_products_and_stock(
    shopper: ApiClient, person: MakePerson, client_of: ClientOf, product: MakeProduct
) -> None:
    jam, id = product(stock=1), uuid4()
    body = {"products": [{"id": jam, "quantity": 1}]}
    shopper("POST", at(id), body)
    unknown = {"products": [{"id": 999_999, "quantity": 1}]}
    short = {"products": [{"id": jam, "quantity": 99}]}
    other = client_of(person())
    answers = [shopper("POST", at(id), said).status for said in (body, unknown, short)]
    assert answers == [200, 409, 409]
    assert [other("POST", at(id), said).status for said in (body, unknown, short)] == [404] * 3
