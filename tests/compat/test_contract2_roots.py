"""Contract 2: roots, the header of every answer, slashes, credentials and the admin's cookie."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import RequestFactory

from larder.compat.contract2.roots import Api
from larder.identity.models import Customer
from tests.compat.browser import Browser
from tests.compat.conftest import ApiClient
from tests.compat.documented import Documented
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Server

PROTECTED = [
    ("GET", "/api/"),
    ("GET", "/api/identity/"),
    ("GET", "/api/catalog/"),
    ("GET", "/api/orders/"),
    ("GET", "/api/identity/customers/"),
    ("POST", "/api/identity/customers/"),
    ("PATCH", "/api/identity/customers/1/"),
    ("DELETE", "/api/identity/customers/1/"),
    ("GET", "/api/catalog/products/"),
    ("POST", "/api/catalog/products/"),
    ("PUT", "/api/catalog/products/1/"),
    ("POST", "/api/catalog/products/1/ship/"),
    ("GET", "/api/orders/orders/"),
    ("POST", "/api/orders/orders/"),
    ("GET", "/api/orders/orders/1/"),
    ("PUT", "/api/orders/orders/1/"),
]


@pytest.fixture
def buyer(shopper: ApiClient) -> Documented:
    return Documented("2", shopper)


@pytest.fixture
def here(running: Server) -> str:
    """The address of the server, as a client knows it."""
    return f"http://127.0.0.1:{running.port}"


def test_the_root_lists_the_other_roots(buyer: Documented, here: str) -> None:
    reply = buyer("GET", "/api/")
    assert (reply.status, reply.body) == (
        200,
        {
            "identity": f"{here}/api/identity/",
            "catalog": f"{here}/api/catalog/",
            "orders": f"{here}/api/orders/",
            # What contracts 1 and 3 have beside it, for people who look around.
            "products": f"{here}/api/products/",
            "product": f"{here}/api/product/",
            "order": f"{here}/api/order/",
            "user": f"{here}/api/user/",
        },
    )
    assert reply.headers["content-type"] == "application/json"


def test_the_identity_root_lists_its_paths(buyer: Documented, here: str) -> None:
    reply = buyer("GET", "/api/identity/")
    at = f"{here}/api/identity"
    assert (reply.status, reply.body) == (
        200,
        {
            "register": f"{at}/register/",
            "token": f"{at}/token/",
            "refresh": f"{at}/token/refresh/",
            "verify": f"{at}/token/verify/",
            "customers": f"{at}/customers/",
        },
    )


def test_the_catalog_root_links_to_the_products(buyer: Documented, here: str) -> None:
    reply = buyer("GET", "/api/catalog/")
    assert (reply.status, reply.body) == (200, {"products": f"{here}/api/catalog/products/"})


@pytest.mark.parametrize("compat", [["1", "2", "3"], ["3", "2", "1"]])
def test_the_root_always_has_the_same_order(
    rf: RequestFactory, settings: Any, compat: list[str]
) -> None:
    # The order of a set of names is another one in each process; that of these keys is fixed.
    settings.COMPAT = dict.fromkeys(compat).keys()
    reply = Api.as_view(authentication_classes=(), permission_classes=())(rf.get("/api/"))
    names = ["identity", "catalog", "orders", "products", "product", "order", "user"]
    assert list(reply.data) == names


def test_the_orders_root_is_part_of_the_list_of_contract_1(buyer: Documented, here: str) -> None:
    reply = buyer("GET", "/api/orders/")
    assert reply.status == 200
    assert reply.body["orders"] == f"{here}/api/orders/orders/"


@pytest.mark.system
def test_the_orders_root_is_a_plain_root_without_contract_1(
    transactional_db: None, person: Callable[..., Person]
) -> None:
    with Server(workers=1, environment={"COMPAT": "2"}) as server:
        alone = Documented("2", ApiClient(server, f"Bearer {token_for(person())}"))
        reply = alone("GET", "/api/orders/")
        here = f"http://127.0.0.1:{server.port}"
        assert (reply.status, reply.body) == (200, {"orders": f"{here}/api/orders/orders/"})
        assert alone("GET", "/api/products/").status == 404


def test_links_have_the_host_of_the_request(shopper: ApiClient) -> None:
    body = shopper("GET", "/api/catalog/", Host="localhost:81").body
    assert body == {"products": "http://localhost:81/api/catalog/products/"}


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_requests_without_credentials_are_401(method: str, path: str, anyone: ApiClient) -> None:
    reply = Documented("2", anyone)(method, path)
    assert reply.status == 401
    assert reply.body == {"detail": "Authentication credentials were not provided."}
    assert reply.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/api/token/", "/api/identity/token/", "/api/v1/auth/token"])
def test_contract_2_accepts_access_tokens_of_every_api_version(
    path: str, anyone: ApiClient, person: Callable[..., Person]
) -> None:
    mary = person("mary")
    said = {"username": "mary", "password": mary.password}
    token = anyone("POST", path, said).body["access"]
    assert anyone("GET", "/api/", Authorization=f"Bearer {token}").status == 200


def test_a_key_is_accepted_and_a_password_is_refused(
    anyone: ApiClient, by_password: Callable[[Person], ApiClient], person: Callable[..., Person]
) -> None:
    mary = person("mary")
    key = anyone("POST", "/auth/", {"username": "mary", "password": mary.password}).body["token"]
    assert anyone("GET", "/api/", Authorization=f"Token {key}").status == 200
    assert by_password(mary)("GET", "/api/").status == 401


def test_an_invalid_token_is_401_with_its_code(anyone: ApiClient) -> None:
    reply = Documented("2", anyone)("GET", "/api/", Authorization="Bearer a.b.c")
    assert (reply.status, reply.body["code"]) == (401, "token_not_valid")
    assert isinstance(reply.body["detail"], str)
    assert isinstance(reply.body["messages"], list)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/", 200),
        ("GET", "/api/orders/orders/1/", 404),
        ("GET", "/api/nowhere/", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/api/orders/orders/one/", 404),
        ("GET", "/api/catalog", 301),
        ("PUT", "/api/orders/orders/1/", 405),
        ("POST", "/api/", 405),
        ("POST", "/api/identity/register/", 400),
        ("POST", "/api/catalog/products/", 403),
        ("OPTIONS", "/api/", 200),
    ],
)
def test_every_answer_has_a_correlation_id(
    method: str, path: str, status: int, shopper: ApiClient
) -> None:
    reply = shopper(method, path)
    assert reply.status == status
    assert re.fullmatch("[0-9a-f]{32}", reply.headers["correlation-id"])
    assert "Correlation-ID" in reply.headers["access-control-expose-headers"].split(", ")


def test_a_valid_correlation_id_is_returned(shopper: ApiClient) -> None:
    given = uuid4().hex
    assert shopper("GET", "/api/", Correlation_ID=given).headers["correlation-id"] == given
    assert shopper("GET", "/nowhere", Correlation_ID=given).headers["correlation-id"] == given


@pytest.mark.parametrize(
    "given",
    ["1333b35c-2b88-40a3-a562-6e1b1f18f12f", "59BC2781BFF84040AAC93E1AB4FADC54", "x" * 32, "1"],
)
def test_an_invalid_correlation_id_is_replaced(given: str, shopper: ApiClient) -> None:
    found = shopper("GET", "/api/", Correlation_ID=given).headers["correlation-id"]
    assert found != given
    assert re.fullmatch("[0-9a-f]{32}", found)


@pytest.mark.parametrize(
    "path", ["/api", "/api/identity", "/api/catalog/products", "/api/orders/orders/7"]
)
def test_a_path_without_the_final_slash_redirects(path: str, anyone: ApiClient) -> None:
    reply = anyone("GET", f"{path}?limit=3")
    assert (reply.status, reply.headers["location"]) == (301, f"{path}/?limit=3")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/api/", "/api/identity/", "/api/catalog/"])
def test_roots_accept_only_reads(method: str, path: str, buyer: Documented) -> None:
    reply = buyer(method, path)
    assert reply.status == 405
    assert reply.body == {"detail": f'Method "{method}" not allowed.'}


@pytest.fixture
def browser(transactional_db: None, running: Server, person: Callable[..., Person]) -> Browser:
    """A browser whose user, staff, is logged in to the admin."""
    boss, found = person("boss", is_staff=True), Browser(running)
    found.log_in("boss", boss.password)
    return found


JAM = {"name": "Jam", "description": "", "price": "1.00", "quantity": 3}


def test_the_cookie_of_the_admin_gives_access_to_contract_2(browser: Browser) -> None:
    for path in ("", "identity/", "catalog/", "orders/", "identity/customers/"):
        assert browser("GET", f"/api/{path}").status == 200


def test_a_write_by_cookie_needs_the_csrf_token(browser: Browser) -> None:
    refused = browser("POST", "/api/catalog/products/", JAM)
    assert refused.status == 403
    assert refused.body["detail"].startswith("CSRF Failed")
    token = browser.cookies["csrftoken"]
    reply = browser("POST", "/api/catalog/products/", JAM, X_CSRFToken=token)
    assert (reply.status, reply.body["quantity"]) == (201, 3)


def test_the_cookie_of_a_deactivated_account_is_refused_at_once(browser: Browser) -> None:
    Customer.objects.update(is_active=False)
    assert browser("GET", "/api/").status == 401


def test_browsers_get_html_and_other_clients_json(browser: Browser) -> None:
    wanted: dict[str, Any] = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    page = browser("GET", "/api/", **wanted)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert browser("GET", "/api/", Accept="*/*").headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "status"), [("/api/", 401), ("/api/products/", 401), ("/api/identity/register/", 405)]
)
def test_a_refusal_without_credentials_is_a_short_page(
    path: str, status: int, anyone: ApiClient
) -> None:
    """The framework's page takes twenty milliseconds or more, and any client can ask for it."""
    page = anyone("GET", f"{path}?limit=3", Accept="text/html")
    assert (page.status, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert len(page.body) < 1_000
    assert f"HTTP {status} ".encode() in page.body
    assert f'"/admin/login/?next={path}%3F'.encode() in page.body
