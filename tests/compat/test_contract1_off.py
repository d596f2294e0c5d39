"""Contracts 0 and 1 have no paths if COMPAT does not name them."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from tests.compat.conftest import ApiClient
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Server

pytestmark = pytest.mark.system

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
PATHS = (
    ("POST", "/auth/"),
    ("POST", "/api/token/"),
    ("POST", "/api/token/refresh/"),
    ("GET", "/api/products/"),
    ("GET", "/api/products/1/"),
    ("GET", "/api/orders/"),
    ("GET", f"/api/orders/{uuid4()}/"),
    ("POST", f"/api/orders/{uuid4()}/"),
    ("GET", "/api/compat/contract0/openapi.json"),
    ("GET", "/api/compat/contract1/openapi.json"),
)


@pytest.fixture(scope="module")
def without(django_db_setup: None) -> Iterator[Server]:
    """A server with none of the earlier contracts."""
    with Server(workers=1, threads=2, environment={"COMPAT": ""}) as server:
        yield server


@pytest.fixture(scope="module")
def alone(django_db_setup: None) -> Iterator[Server]:
    """A server with contract 1 and no other."""
    with Server(workers=1, threads=2, environment={"COMPAT": "1"}) as server:
        yield server


def test_paths_of_a_disabled_contract_are_404_with_and_without_credentials(
    transactional_db: None, without: Server, person: MakePerson
) -> None:
    who = person()
    known = ApiClient(without, f"Bearer {token_for(who)}")
    assert known("GET", "/api/v1/me").status == 200
    said = {"username": who.customer.username, "password": who.password}
    for method, path in PATHS:
        for client in (known, ApiClient(without)):
            body = said if method == "POST" else None
            assert client(method, path, body).status == 404, path
            assert client(method, path.rstrip("/"), body).status == 404, path


def test_the_admin_works_without_any_contract(transactional_db: None, without: Server) -> None:
    answer = ApiClient(without)("GET", "/admin/")
    assert (answer.status, answer.headers["location"]) == (302, "/admin/login/?next=/admin/")


def test_contract_1_works_without_the_others(
    transactional_db: None, alone: Server, person: MakePerson, product: MakeProduct
) -> None:
    who, jam = person(), product(stock=3)
    said = {"username": who.customer.username, "password": who.password}
    pair = ApiClient(alone)("POST", "/api/token/", said)
    client = ApiClient(alone, f"Bearer {pair.body['access']}")
    id = uuid4()
    placed = client("POST", f"/api/orders/{id}/", {"products": [{"id": jam, "quantity": 1}]})
    assert placed.status == 201
    assert client("GET", "/api/products/").body["results"][0]["quantity"] == 2
    assert client("GET", f"/api/orders/{id}/").body == placed.body
    refreshed = client("POST", "/api/token/refresh/", {"refresh": pair.body["refresh"]})
    assert refreshed.status == 200


def test_contract_1_without_the_others_has_no_paths_of_them(
    transactional_db: None, alone: Server, person: MakePerson
) -> None:
    client = ApiClient(alone, f"Bearer {token_for(person())}")
    for method, path in (
        ("POST", "/auth/"),
        ("GET", "/api/orders/orders/"),
        ("POST", "/api/orders/orders/"),
        ("GET", "/api/identity/"),
        ("POST", "/api/register/"),
        ("GET", "/products/"),
        ("GET", "/token/"),
        ("GET", "/api/compat/contract0/openapi.json"),
    ):
        assert client(method, path, {} if method == "POST" else None).status == 404, path
    assert client("GET", "/api/compat/contract1/openapi.json").status == 200


def test_contract_1_without_the_others_names_no_address_of_contract_2(
    transactional_db: None, alone: Server, person: MakePerson
) -> None:
    client = ApiClient(alone, f"Bearer {token_for(person())}")
    answer = client("GET", "/api/orders/")
    assert set(answer.body) == {"count", "next", "previous", "results"}
