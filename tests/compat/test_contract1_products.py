"""Contract 1: the list of products, and one of them."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from larder.catalog.services.products import archive_product, change_product
from larder.core.clock import now
from tests.compat.conftest import ApiClient
from tests.compat.documented import Documented

MakeProduct = Callable[..., int]


@pytest.fixture
def buyer(shopper: ApiClient) -> Documented:
    """A customer; the document of the contract judges every answer."""
    return Documented("1", shopper)


def test_a_product_has_four_fields_with_their_types(
    buyer: Documented, product: MakeProduct
) -> None:
    jam = product(name="Jam", price="12.5", stock=7)
    answer = buyer("GET", f"/api/products/{jam}/")
    assert answer.status == 200
    assert answer.body == {"id": jam, "name": "Jam", "price": "12.50", "quantity": 7}
    assert type(answer.body["id"]) is type(answer.body["quantity"]) is int


def test_a_price_of_three_decimals_is_rounded_half_up(
    buyer: Documented, product: MakeProduct
) -> None:
    prices = {
        "2.345": "2.35",
        "2.344": "2.34",
        "0": "0.00",
        "0.005": "0.01",
        "99999.999": "100000.00",
    }
    for stored, shown in prices.items():
        answer = buyer("GET", f"/api/products/{product(price=stored)}/")
        assert answer.body["price"] == shown


def test_the_list_has_pages_of_ten_by_ascending_id(buyer: Documented, product: MakeProduct) -> None:
    ids = [product() for _ in range(23)]
    here = f"http://127.0.0.1:{buyer.client.server.port}/api/products/"
    first = buyer("GET", "/api/products/")
    assert set(first.body) == {"count", "next", "previous", "results"}
    assert (first.status, first.body["count"]) == (200, 23)
    assert (first.body["next"], first.body["previous"]) == (f"{here}?page=2", None)
    second = buyer("GET", "/api/products/?page=2")
    assert (second.body["next"], second.body["previous"]) == (f"{here}?page=3", here)
    third = buyer("GET", "/api/products/?page=3")
    assert (third.body["next"], third.body["previous"]) == (None, f"{here}?page=2")
    pages = [[row["id"] for row in page.body["results"]] for page in (first, second, third)]
    assert [len(page) for page in pages] == [10, 10, 3]
    assert [id for page in pages for id in page] == ids
    assert buyer("GET", "/api/products/?page=1").body == first.body


def test_each_page_links_to_the_next(buyer: Documented, product: MakeProduct) -> None:
    ids, found = {product() for _ in range(11)}, set()
    path: str | None = "/api/products/"
    while path is not None:
        page = buyer("GET", path).body
        found |= {row["id"] for row in page["results"]}
        path = page["next"] and page["next"][page["next"].index("/api/") :]
    assert found == ids


def test_a_list_has_the_same_product_object_as_a_single_read(
    buyer: Documented, product: MakeProduct
) -> None:
    jam = product(price="2.345")
    row = buyer("GET", "/api/products/").body["results"][0]
    assert row == buyer("GET", f"/api/products/{jam}/").body


def test_an_empty_shop_has_one_empty_page(buyer: Documented) -> None:
    answer = buyer("GET", "/api/products/")
    assert answer.status == 200
    assert answer.body == {"count": 0, "next": None, "previous": None, "results": []}


@pytest.mark.parametrize("page", ["0", "-1", "2", "x", "1.5", "last", "10e3", "9" * 40, "%00", "é"])
def test_an_unknown_page_is_404(buyer: Documented, product: MakeProduct, page: str) -> None:
    product()
    answer = buyer("GET", f"/api/products/?page={page}".replace("é", "%C3%A9"))
    assert (answer.status, answer.body) == (404, {"detail": "Invalid page."})


def test_sold_out_products_are_listed_and_deleted_ones_are_not(
    buyer: Documented, product: MakeProduct
) -> None:
    empty, gone = product(stock=0), product()
    archive_product(gone, caller=None, now=now())
    page = buyer("GET", "/api/products/").body
    assert page["count"] == 1
    assert [(row["id"], row["quantity"]) for row in page["results"]] == [(empty, 0)]
    assert buyer("GET", f"/api/products/{gone}/").status == 404


def test_a_changed_product_is_shown_at_once(buyer: Documented, product: MakeProduct) -> None:
    jam = product(price="1.00")
    change_product(jam, {"price": Decimal("1.75"), "name": "Plum jam"}, caller=None, now=now())
    body = buyer("GET", f"/api/products/{jam}/").body
    assert (body["name"], body["price"]) == ("Plum jam", "1.75")


@pytest.mark.parametrize("id", ["0", "999999", str(2**31), str(2**63 - 1), str(2**63), "9" * 60])
def test_an_unknown_id_is_404_with_a_message(buyer: Documented, id: str) -> None:
    answer = buyer("GET", f"/api/products/{id}/")
    assert answer.status == 404
    assert isinstance(answer.body["detail"], str)


@pytest.mark.parametrize("id", ["x", "-1", "1.0", "%00", "1%0A", "9" * 5_000, "%FF"])
def test_an_invalid_id_is_404(shopper: ApiClient, id: str) -> None:
    answer = shopper("GET", f"/api/products/{id}/")
    assert answer.status == 404
    assert isinstance(answer.body["detail"], str)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_contract_1_cannot_write_products(
    shopper: ApiClient, keeper: ApiClient, product: MakeProduct, method: str
) -> None:
    jam = product(name="Jam")
    for who in (shopper, keeper):
        for path in ("/api/products/", f"/api/products/{jam}/"):
            answer = who(method, path, {"name": "x", "price": "1.00", "quantity": 1})
            said = {"detail": f'Method "{method}" not allowed.'}
            assert (answer.status, answer.body) == (405, said)
            assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert shopper("GET", "/api/products/").body["results"][0]["name"] == "Jam"


def test_a_path_without_the_final_slash_redirects(shopper: ApiClient, product: MakeProduct) -> None:
    jam = product()
    for path in ("/api/products", f"/api/products/{jam}"):
        answer = shopper("GET", f"{path}?page=1")
        assert (answer.status, answer.headers["location"]) == (301, f"{path}/?page=1")
    nowhere = shopper("GET", "/api/products/x")
    assert nowhere.status == 404


def test_every_answer_has_a_correlation_id_of_the_log(
    shopper: ApiClient, anyone: ApiClient
) -> None:
    named = "0123456789abcdef0123456789abcdef"
    for who, path in (
        (shopper, "/api/products/"),
        (shopper, "/api/products/7/"),
        (shopper, "/api/products/?page=7"),
        (anyone, "/api/products/"),
    ):
        answer = who("GET", path, Correlation_ID=named)
        assert answer.headers["correlation-id"] == named
        assert answer.headers["content-type"] == "application/json"
