"""Contract 3: the list of products, its filters, and one product."""

from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.compat.conftest import ApiClient
from tests.compat.contract3 import UNKNOWN, As, Client
from tests.compat.documented import Documented
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Server

MakeProduct = Callable[..., int]

LIST = "/api/product/"


@pytest.fixture
def client_of(client_of: Callable[[Person], ApiClient]) -> As:
    """A client as a person, held against the document."""
    return lambda who: Documented("3", client_of(who))


@pytest.fixture
def anyone(anyone: ApiClient) -> Client:
    """A client without credentials, held against the document."""
    return Documented("3", anyone)


def ids(reader: Client, query: str = "") -> list[int]:
    answer = reader("GET", f"{LIST}?limit=100{query}")
    assert answer.status == 200, answer.body
    return [one["id"] for one in answer.body["results"]]


def test_products_are_listed_five_at_a_time_by_ascending_id(
    running: Server, shopper: Client, product: MakeProduct
) -> None:
    made = [product(stock=number, price=f"{number}.5") for number in range(7)]
    first = shopper("GET", LIST)
    assert (first.status, first.headers["content-type"]) == (200, "application/json")
    assert list(first.body) == ["count", "next", "previous", "results"]
    base = f"http://127.0.0.1:{running.port}{LIST}"
    assert first.body["next"] == f"{base}?limit=5&offset=5"
    assert (first.body["count"], first.body["previous"]) == (7, None)
    assert [one["id"] for one in first.body["results"]] == made[:5]
    second = shopper("GET", first.body["next"].removeprefix(base.removesuffix(LIST)))
    assert [one["id"] for one in second.body["results"]] == made[5:]
    assert (second.body["next"], second.body["previous"]) == (None, f"{base}?limit=5")


def test_a_product_has_its_price_with_three_decimals_as_text(
    shopper: Client, product: MakeProduct
) -> None:
    jam = product(stock=0, price="2.2", name="Jam")
    expected = {"id": jam, "name": "Jam", "price": "2.200", "stock": 0}
    assert shopper("GET", LIST).body["results"] == [expected]
    for path in (f"/api/product/{jam}", f"/api/product/{jam}/"):
        answer = shopper("GET", path)
        assert (answer.status, answer.body) == (200, expected)
        assert type(answer.body["stock"]) is int


@pytest.mark.parametrize(
    ("price", "shown"),
    [("0", "0.000"), ("0.001", "0.001"), ("1234567.891", "1234567.891"), ("999999999.999",) * 2],
)
def test_no_price_is_rounded(price: str, shown: str, shopper: Client, product: MakeProduct) -> None:
    assert shopper("GET", f"/api/product/{product(price=price)}").body["price"] == shown


@pytest.mark.parametrize(
    "number",
    ["999999", "0", "abc", "-1", "1.0", "1e3", "%D9%A1", "1%0A", f"{2**63}", "9" * 30, "9" * 5000],
)
def test_an_unknown_product_is_not_found(
    number: str, shopper: Client, keeper: Client, anyone: Client, product: MakeProduct
) -> None:
    product()
    for path in (f"/api/product/{number}", f"/api/product/{number}/"):
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            answer = keeper(method, path, {"name": "Jam"})
            assert (answer.status, answer.body) == (404, UNKNOWN)
        assert shopper("GET", path).body == UNKNOWN
        assert shopper("DELETE", path).status == 403
        assert anyone("GET", path).status == 401


def test_an_archived_product_is_neither_listed_nor_found(
    shopper: Client, keeper: Client, product: MakeProduct
) -> None:
    jam = product()
    answer = keeper("DELETE", f"/api/product/{jam}")
    assert (answer.status, answer.body) == (204, b"")
    assert shopper("GET", f"/api/product/{jam}").body == UNKNOWN
    assert shopper("GET", LIST).body["results"] == []
    for method in ("DELETE", "PUT", "PATCH"):
        again = keeper(method, f"/api/product/{jam}", {"name": "Jam"})
        assert (again.status, again.body) == (404, UNKNOWN)


def test_a_keyword_is_searched_only_in_the_name_in_any_case(
    shopper: Client, product: MakeProduct
) -> None:
    strawberry = product(name="Strawberry JAM", sku="A-1")
    jamaica = product(name="Rum of Jamaica", sku="A-2")
    product(name="Honey", sku="JAM-3", description="no jam")
    percent = product(name="100% Juice_", sku="A-4")
    umlaut = product(name="ÄPFEL", sku="A-5")
    assert ids(shopper, "&keyword=jam") == [strawberry, jamaica]
    assert ids(shopper, "&keyword=Berry+jam") == [strawberry]
    assert ids(shopper, "&keyword=jam+berry") == []
    assert ids(shopper, "&keyword=%25") == ids(shopper, "&keyword=_") == [percent]
    assert ids(shopper, f"&keyword={quote('äpf')}") == [umlaut]
    assert ids(shopper, f"&keyword={quote(chr(92))}") == []
    assert len(ids(shopper, "&keyword=")) == 5
    assert ids(shopper, "&keyword=%00") == ids(shopper, "&keyword=%FF") == []


def test_a_price_limit_includes_products_at_that_price(
    shopper: Client, product: MakeProduct
) -> None:
    free, cheap, dear = (product(price=price) for price in ("0", "2.2", "2.201"))
    assert ids(shopper, "&max_price=2.2") == ids(shopper, "&max_price=2.2009") == [free, cheap]
    assert (
        ids(shopper, "&max_price=2.201")
        == ids(shopper, "&max_price=%202.3")
        == [
            free,
            cheap,
            dear,
        ]
    )
    assert ids(shopper, "&max_price=0") == ids(shopper, "&max_price=1e-999999999") == [free]
    assert ids(shopper, "&max_price=-0.0001") == ids(shopper, "&max_price=-1e999999") == []
    for most in ("1e3", "1e999999", f"{10**30}", "9" * 900):
        assert ids(shopper, f"&max_price={most}") == [free, cheap, dear]


@pytest.mark.parametrize(
    "text", ["", "abc", "NaN", "sNaN", "-nan", "Infinity", "-inf", "1,5", "0x10", "%00", "9" * 1001]
)
def test_an_invalid_price_limit_is_refused(text: str, shopper: Client) -> None:
    answer = shopper("GET", f"{LIST}?max_price={text}")
    assert (answer.status, list(answer.body)) == (400, ["max_price"])
    (sentence,) = answer.body["max_price"]
    assert isinstance(sentence, str)


def test_filters_combine_and_the_links_keep_them(
    running: Server, shopper: Client, product: MakeProduct
) -> None:
    made = [product(name=f"Jam {number}", price="1") for number in range(4)]
    product(name="Jam of gold", price="1000")
    product(name="Honey", price="1")
    answer = shopper("GET", f"{LIST}?keyword=jam&max_price=1.0&limit=1&offset=1")
    assert answer.body["count"] == 4
    assert [one["id"] for one in answer.body["results"]] == made[1:2]
    base = f"http://127.0.0.1:{running.port}{LIST}?keyword=jam&limit=1&max_price=1.0"
    assert answer.body["next"] == f"{base}&offset=2"
    assert answer.body["previous"] == base


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("limit=2", 2),
        ("limit=0", 5),
        ("limit=-3", 5),
        ("limit=abc", 5),
        ("limit=100000", 6),
        ("limit=" + "9" * 5000, 5),
        ("offset=4", 2),
        ("offset=6", 0),
        ("offset=-1", 5),
        ("offset=x", 5),
        (f"offset={10**30}", 0),
    ],
)
def test_an_invalid_page_gives_the_nearest_valid_page(
    query: str, rows: int, shopper: Client, product: MakeProduct
) -> None:
    for _ in range(6):
        product()
    answer = shopper("GET", f"{LIST}?{query}")
    assert (answer.status, answer.body["count"]) == (200, 6)
    assert len(answer.body["results"]) == rows


def test_a_path_without_the_final_slash_redirects_with_the_query(shopper: Client) -> None:
    answer = shopper("GET", "/api/product?keyword=jam&max_price=2")
    assert answer.status == 301
    assert answer.headers["location"] == "/api/product/?keyword=jam&max_price=2"


def test_staff_read_the_list_in_a_browser(
    transactional_db: None, running: Server, person: Callable[..., Person], product: MakeProduct
) -> None:
    reader = ApiClient(running, f"Bearer {token_for(person(is_staff=True))}")
    jam = product(name="Blackcurrant")
    for path in (LIST, f"/api/product/{jam}", "/api/user/", "/api/order/"):
        page = reader("GET", path, Accept="text/html")
        assert page.status == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert b"Blackcurrant" in reader("GET", LIST, Accept="text/html").body


def test_head_has_the_status_of_get_without_a_body(shopper: Client, product: MakeProduct) -> None:
    answer = shopper("HEAD", f"/api/product/{product()}")
    assert (answer.status, answer.body) == (200, b"")
