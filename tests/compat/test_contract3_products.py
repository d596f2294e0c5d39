"""Contract 3: the list of products, its filters, and one product."""

from collections.abc import Callable

import pytest

from tests.compat.conftest import ApiClient
from tests.compat.contract3 import As, Client
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
