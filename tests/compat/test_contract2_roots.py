"""Contract 2: roots, the header of every answer, slashes, credentials and the admin's cookie."""

from collections.abc import Callable
from typing import Any

import pytest

from larder.identity.models import Customer
from tests.compat.browser import Browser
from tests.compat.conftest import ApiClient
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Server


@pytest.fixture
def here(running: Server) -> str:
    """The address of the server, as a client knows it."""
    return f"http://127.0.0.1:{running.port}"


@pytest.mark.system
def test_the_orders_root_is_a_plain_root_without_contract_1(
    transactional_db: None, person: Callable[..., Person]
) -> None:
    with Server(workers=1, environment={"COMPAT": "2"}) as server:
        alone = ApiClient(server, f"Bearer {token_for(person())}")
        reply = alone("GET", "/api/orders/")
        here = f"http://127.0.0.1:{server.port}"
        assert (reply.status, reply.body) == (200, {"orders": f"{here}/api/orders/orders/"})
        assert alone("GET", "/api/products/").status == 404


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


@pytest.fixture
def browser(transactional_db: None, running: Server, person: Callable[..., Person]) -> Browser:
    """A browser whose user, staff, is logged in to the admin."""
    boss, browser = person("boss", is_staff=True), Browser(running)
    browser.log_in("boss", boss.password)
    return browser


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
    headers: dict[str, Any] = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    page = browser("GET", "/api/", **headers)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert browser("GET", "/api/", Accept="*/*").headers["content-type"] == "application/json"
