"""The list of products: pages, filters, orderings."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import Api, Person
from tests.v1.reading import ids, walk

Product = Callable[..., int]


def test_a_page_has_twenty_products_and_at_most_a_hundred(customer: Api, product: Product) -> None:
    for _ in range(101):
        product()
    sizes = [
        len(ids(customer("GET", f"products{asked}"))) for asked in ("", "?limit=5", "?limit=1000")
    ]
    assert sizes == [20, 5, 100]


def test_a_list_has_the_same_product_object_as_a_single_read(
    customer: Api, product: Product
) -> None:
    jam = product()
    alone = customer("GET", f"products/{jam}").body
    assert customer("GET", f"products?ids={jam}").body["results"] == [alone]


@pytest.mark.parametrize("ordering", ["id", "name", "price", "sku"])
def test_pages_neither_repeat_nor_skip_where_values_are_equal(
    customer: Api, product: Product, ordering: str
) -> None:
    for number in range(13):
        product(name=f"name {number // 4}", price=f"{number // 5}.5")
    expected = customer("GET", f"products?ordering={ordering}&limit=100").body["results"]
    assert expected == sorted(expected, key=lambda row: (row[ordering], row["id"]))
    assert walk(customer, f"products?ordering={ordering}&limit=3") == expected
    turned = walk(customer, f"products?ordering=-{ordering}&limit=3")
    assert turned == expected[::-1]


def test_the_next_link_keeps_the_filters(customer: Api, product: Product) -> None:
    for number in range(7):
        product(name="red" if number % 2 else "blue jam, 100 % & more", price=f"{number}")
    q = quote("100 % &")
    products = walk(customer, f"products?q={q}&min_price=1&ordering=-price&limit=1&count=true")
    assert [item["price"] for item in products] == ["6.00", "4.00", "2.00"]


def test_pages_continue_at_their_position_when_products_are_added_or_archived(
    customer: Api, staff: Api, product: Product
) -> None:
    first, second, third = (product(name=name) for name in "bdf")
    page = customer("GET", "products?ordering=name&limit=2").body
    product(name="a")
    late = product(name="e")
    staff("DELETE", f"products/{first}")
    rest = walk(customer, page["next"].removeprefix("http://testserver"))
    assert [row["id"] for row in page["results"] + rest] == [first, second, late, third]


def test_the_count_is_given_on_request_only(customer: Api, product: Product) -> None:
    for price in ("1", "2", "3"):
        product(price=price)
    assert "count" not in customer("GET", "products").body
    assert "count" not in customer("GET", "products?count=false").body
    assert customer("GET", "products?min_price=2&count=true&limit=1").body["count"] == 2


def test_words_are_searched_in_name_and_sku_in_any_case(customer: Api, product: Product) -> None:
    jam = product(sku="J-7", name="Raspberry JAM")
    tea = product(sku="T-7", name="Tea, 100% Ceylon_x 'fine'")
    product(sku="OTHER", name="other")
    expected = {
        "raspberry": [jam],
        "jam RASP": [jam],
        "j-7": [jam],
        "-7": [jam, tea],
        "0%": [tea],
        "n_x": [tea],
        "'fine'": [tea],
        "jam tea": [],
        "%": [tea],
        "_": [tea],
        "\\": [],
        "  ": ids(customer("GET", "products")),
    }
    answers = {q: ids(customer("GET", f"products?q={quote(q)}")) for q in expected}
    assert answers == expected


def test_a_category_has_the_products_of_those_below_it(
    customer: Api, staff: Api, product: Product
) -> None:
    food = staff("POST", "categories", {"name": "Food"}).body["id"]
    jams = staff("POST", "categories", {"name": "Jams", "parent": food}).body["id"]
    red = staff("POST", "categories", {"name": "Red jams", "parent": jams}).body["id"]
    bread, jam, cherry = (product(category_id=id) for id in (food, jams, red))
    product()
    for shelf, expected in ((food, [bread, jam, cherry]), (jams, [jam, cherry]), (red, [cherry])):
        assert ids(customer("GET", f"products?category={shelf}")) == expected
    assert ids(customer("GET", "products?category=999999")) == []


def test_prices_and_stock_narrow_the_list(customer: Api, product: Product) -> None:
    cheap, middle, dear = product(price="1"), product(price="1.005", stock=0), product(price="2")
    asked = {
        "min_price=1.005": [middle, dear],
        "max_price=1.005": [cheap, middle],
        "min_price=1.001&max_price=1.999": [middle],
        "min_price=2&max_price=1": [],
        "in_stock=true": [cheap, dear],
        "in_stock=false": [middle],
        "in_stock=1&max_price=1.5": [cheap],
    }
    answers = {query: ids(customer("GET", f"products?{query}")) for query in asked}
    assert answers == asked


def test_ids_are_looked_up_two_hundred_at_a_time(customer: Api, product: Product) -> None:
    tea, jam = product(), product()
    asked = f"{jam},{tea},{jam},999999"
    assert ids(customer("GET", f"products?ids={asked}")) == [tea, jam]
    many = ",".join(str(number) for number in range(jam, jam + 200))
    assert ids(customer("GET", f"products?ids={many}")) == [jam]
    refused = customer("GET", f"products?ids={many},1")
    assert (refused.status, refused.body["errors"][0]["pointer"]) == (400, "ids")


def test_an_unchanged_page_of_products_is_answered_with_304(
    customer: Api, product: Product
) -> None:
    jam = product(stock=5)
    tag = customer("GET", "products").headers["ETag"]
    assert customer("GET", "products", If_None_Match=tag).status == 304
    customer("POST", "orders", {"lines": [{"product": jam, "quantity": 1}]})
    assert customer("GET", "products", If_None_Match=tag).status == 200


def test_the_links_use_the_public_address_of_the_shop(
    customer: Api, product: Product, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://shop.example"
    product(), product()
    page = customer("GET", "products?limit=1").body
    assert page["next"].startswith("https://shop.example/api/v1/products?cursor=")
    refused = customer("GET", "products/0").body
    assert refused["type"] == "https://shop.example/api/v1/problems/not_found"


@pytest.mark.parametrize("name", ["cursor", "%63ursor", "curso%72"])
def test_a_link_to_the_next_page_replaces_a_cursor_in_any_encoding(
    customer: Api, product: Product, name: str
) -> None:
    _, tea, milk = product(), product(), product()
    first = customer("GET", "products?limit=1&ordering=id").body["next"]
    cursor = first.partition("cursor=")[2].partition("&")[0]
    page = customer("GET", f"products?limit=1&ordering=id&{name}={cursor}")
    following = customer("GET", page.body["next"].removeprefix("http://testserver"))
    assert (ids(page), ids(following)) == ([tea], [milk])


def test_a_link_to_the_next_page_replaces_a_cursor_without_a_value(
    customer: Api, product: Product
) -> None:
    product(), product()
    page = customer("GET", "products?limit=1&cursor").body
    assert page["next"].endswith("&limit=1")


def test_products_that_the_caller_has_ordered(
    customer: Api, as_: Callable[[Person], Api], person: Callable[..., Person], product: Product
) -> None:
    tea, jam, _hat = product(), product(), product()
    for product_id in (tea, jam):
        customer("POST", "orders", {"lines": [{"product": product_id, "quantity": 1}]})
    assert ids(customer("GET", "products?ordered_before=true")) == [tea, jam]
    assert ids(customer("GET", f"products?ordered_before=true&ids={jam}")) == [jam]
    assert ids(as_(person())("GET", "products?ordered_before=true")) == []
