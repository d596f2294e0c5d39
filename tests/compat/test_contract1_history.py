"""Contract 1: customers read their orders."""

from collections.abc import Callable
from decimal import Decimal
from uuid import uuid4

import pytest

from larder.core.clock import now
from larder.orders.models import Order
from larder.orders.services.drafts import add_unit
from tests.compat.conftest import ApiClient, bring
from tests.compat.documented import Documented
from tests.conftest import Person

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
ClientOf = Callable[[Person], ApiClient]


@pytest.fixture
def buyer(shopper: ApiClient) -> Documented:
    """A customer; the document of the contract judges every answer."""
    return Documented("1", shopper)


def order(client: ApiClient | Documented, product: int, quantity: int = 1) -> str:
    """Places an order and returns its id."""
    id = str(uuid4())
    body = {"products": [{"id": product, "quantity": quantity}]}
    answer = client("POST", f"/api/orders/{id}/", body)
    assert answer.status == 201, answer.body
    return id


def test_an_order_is_read_as_it_was_answered(buyer: Documented, product: MakeProduct) -> None:
    jam, id = product(price="12.5", name="Jam"), uuid4()
    body = {"products": [{"id": jam, "quantity": 2}]}
    placed = buyer("POST", f"/api/orders/{id}/", body)
    found = buyer("GET", f"/api/orders/{id}/")
    assert (found.status, found.body) == (200, placed.body)
    assert buyer("GET", "/api/orders/").body["results"] == [placed.body]


def test_unknown_orders_and_orders_of_others_get_the_same_answer(
    person: MakePerson, client_of: ClientOf, product: MakeProduct
) -> None:
    id = order(client_of(person()), product())
    for who in (person(), person(is_staff=True)):
        other = Documented("1", client_of(who))
        answers = [other("GET", f"/api/orders/{one}/") for one in (id, uuid4())]
        assert [one.status for one in answers] == [404, 404]
        assert answers[0].body == answers[1].body
        assert isinstance(answers[0].body["detail"], str)
        assert other("GET", "/api/orders/").body["count"] == 0


def test_the_history_has_pages_of_ten_newest_first(buyer: Documented, product: MakeProduct) -> None:
    jam = product(stock=100)
    placed = [order(buyer, jam) for _ in range(21)]
    here = f"http://127.0.0.1:{buyer.client.server.port}/api/orders/"
    pages = [buyer("GET", f"/api/orders/{page}").body for page in ("", "?page=2", "?page=3")]
    found = [row["id"] for page in pages for row in page["results"]]
    assert found == placed[::-1]
    assert [len(page["results"]) for page in pages] == [10, 10, 1]
    assert {page["count"] for page in pages} == {21}
    assert [page["next"] for page in pages] == [f"{here}?page=2", f"{here}?page=3", None]
    assert [page["previous"] for page in pages] == [None, here, f"{here}?page=2"]
    times = [row["created_at"] for page in pages for row in page["results"]]
    assert times == sorted(times, reverse=True)


def test_the_list_has_the_address_of_the_orders_of_contract_2(buyer: Documented) -> None:
    answer = buyer("GET", "/api/orders/")
    assert answer.status == 200
    assert answer.body == {
        "count": 0,
        "next": None,
        "previous": None,
        "results": [],
        "orders": f"http://127.0.0.1:{buyer.client.server.port}/api/orders/orders/",
    }


@pytest.mark.parametrize("page", ["0", "-1", "2", "x", "1.5", "last", "9" * 40, "%00"])
def test_an_unknown_page_is_404(buyer: Documented, page: str) -> None:
    answer = buyer("GET", f"/api/orders/?page={page}")
    assert (answer.status, answer.body) == (404, {"detail": "Invalid page."})


def test_orders_placed_through_v1_are_in_the_history(
    buyer: Documented, shopper: ApiClient, product: MakeProduct
) -> None:
    jam = product(price="2.345", name="Jam")
    body = {"lines": [{"product": jam, "quantity": 3}], "note": "ring twice"}
    placed = shopper("POST", "/api/v1/orders", body)
    assert placed.status == 201
    found = buyer("GET", f"/api/orders/{placed.body['id']}/").body
    assert (found["id"], found["total"]) == (placed.body["id"], "7.04")
    assert found["products"] == [{"id": jam, "name": "Jam", "price": "2.35", "quantity": 3}]
    assert buyer("GET", "/api/orders/").body["results"] == [found]


def test_a_repeat_of_an_order_of_v1_is_compared_by_its_lines(
    buyer: Documented, shopper: ApiClient, product: MakeProduct
) -> None:
    jam, id = product(), str(uuid4())
    lines = [{"product": jam, "quantity": 3}]
    shopper("POST", "/api/v1/orders", {"id": id, "lines": lines, "note": "ring twice"})
    same = buyer("POST", f"/api/orders/{id}/", {"products": [{"id": jam, "quantity": 3}]})
    assert same.status == 200
    other = buyer("POST", f"/api/orders/{id}/", {"products": [{"id": jam, "quantity": 2}]})
    assert other.status == 409


def test_an_order_placed_through_contract_1_is_read_in_v1(
    buyer: Documented, shopper: ApiClient, product: MakeProduct
) -> None:
    id = order(buyer, product(price="4.50"), 2)
    found = shopper("GET", f"/api/v1/orders/{id}").body
    assert (found["id"], Decimal(found["total"]), found["status"]) == (id, Decimal(9), "placed")


def test_cancelled_and_returned_orders_stay_in_the_history(
    buyer: Documented, keeper: ApiClient, product: MakeProduct
) -> None:
    ids = [order(buyer, product()) for _ in range(2)]
    before = buyer("GET", "/api/orders/").body
    for id, status in zip(ids, ("cancelled", "returned"), strict=True):
        bring(keeper, id, status)
    assert buyer("GET", "/api/orders/").body == before
    assert buyer("GET", f"/api/orders/{ids[0]}/").body == before["results"][1]


def test_a_changed_order_is_shown_currently_and_repeated_with_its_first_lines(
    buyer: Documented, product: MakeProduct
) -> None:
    jam = product(price="1.50", name="Jam")
    id = order(buyer, jam, 4)
    body = {"lines": [{"product": jam, "quantity": 3}]}
    assert buyer.client("PATCH", f"/api/v1/orders/{id}", body).status == 200
    found = buyer("GET", f"/api/orders/{id}/").body
    assert found["products"] == [{"id": jam, "name": "Jam", "price": "1.50", "quantity": 3}]
    assert found["total"] == "4.50"
    again = buyer("POST", f"/api/orders/{id}/", {"products": [{"id": jam, "quantity": 4}]})
    assert (again.status, again.body) == (200, found)
    other = buyer("POST", f"/api/orders/{id}/", {"products": [{"id": jam, "quantity": 3}]})
    assert other.status == 409


def test_a_draft_is_not_in_any_answer(
    person: MakePerson, client_of: ClientOf, product: MakeProduct
) -> None:
    who = person()
    add_unit(who.id, product(), currency="GBP", now=now())
    draft = Order.objects.get(customer=who.id)
    assert client_of(who)("GET", "/api/orders/").body["count"] == 0
    assert client_of(who)("GET", f"/api/orders/{draft.id}/").status == 404


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_placed_order_cannot_be_changed_or_deleted(
    shopper: ApiClient, keeper: ApiClient, product: MakeProduct, method: str
) -> None:
    jam = product()
    id = order(shopper, jam)
    before = shopper("GET", f"/api/orders/{id}/").body
    for who in (shopper, keeper):
        body = {"products": [{"id": jam, "quantity": 5}]}
        answer = who(method, f"/api/orders/{id}/", body)
        said = {"detail": f'Method "{method}" not allowed.'}
        assert (answer.status, answer.body) == (405, said)
    assert shopper("GET", f"/api/orders/{id}/").body == before


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_list_accepts_only_get(shopper: ApiClient, method: str) -> None:
    answer = shopper(method, "/api/orders/", {"products": []})
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_a_path_without_the_final_slash_redirects(shopper: ApiClient, product: MakeProduct) -> None:
    id = order(shopper, product())
    for path in ("/api/orders", f"/api/orders/{id}", f"/api/orders/{id.upper()}"):
        answer = shopper("GET", f"{path}?page=1")
        assert (answer.status, answer.headers["location"]) == (301, f"{path}/?page=1")


def test_every_answer_has_a_correlation_id_of_the_log(
    shopper: ApiClient, product: MakeProduct
) -> None:
    named = "0123456789abcdef0123456789abcdef"
    id = order(shopper, product())
    for method, path in (
        ("GET", "/api/orders/"),
        ("GET", f"/api/orders/{id}/"),
        ("GET", f"/api/orders/{uuid4()}/"),
        ("POST", f"/api/orders/{id}/"),
        ("DELETE", f"/api/orders/{id}/"),
    ):
        answer = shopper(method, path, Correlation_ID=named)
        assert answer.headers["correlation-id"] == named
        assert answer.headers["content-type"] == "application/json"
