"""The session cookie of the admin on the paths of contract 1: staff use it with a browser."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from larder.core.clock import now
from larder.identity.models import Customer
from larder.identity.services.accounts import delete_account
from larder.inventory.models import Stock
from tests.compat.browser import Browser
from tests.compat.conftest import ApiClient
from tests.conftest import Person

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]


@pytest.fixture
def account(person: MakePerson) -> Person:
    """A member of staff."""
    return person(is_staff=True)


@pytest.fixture
def browser(anyone: ApiClient, account: Person) -> Browser:
    """Their browser, logged in at the admin."""
    browser = Browser(anyone.server)
    browser.log_in(account.customer.username, account.password)
    return browser


def left(product: int) -> int:
    return int(Stock.objects.get(product_id=product).available)


def order(product: int) -> tuple[str, dict[str, object]]:
    return f"/api/orders/{uuid4()}/", {"products": [{"id": product, "quantity": 1}]}


def test_the_cookie_allows_reading(browser: Browser, product: MakeProduct) -> None:
    jam = product()
    for path in ("/api/products/", f"/api/products/{jam}/", "/api/orders/"):
        assert browser("GET", path).status == 200


def test_the_cookie_without_a_csrf_token_cannot_write(
    browser: Browser, product: MakeProduct
) -> None:
    jam = product()
    path, body = order(jam)
    answer = browser("POST", path, body)
    assert (answer.status, list(answer.body)) == (403, ["detail"])
    assert answer.body["detail"].startswith("CSRF Failed")
    assert left(jam) == 10
    assert browser("GET", path).status == 404


def test_the_cookie_with_the_csrf_header_can_write(browser: Browser, product: MakeProduct) -> None:
    jam = product()
    path, body = order(jam)
    answer = browser("POST", path, body, X_CSRFToken=browser.cookies["csrftoken"])
    assert (answer.status, left(jam)) == (201, 9)
    assert browser("GET", path).body == answer.body


@pytest.mark.parametrize("token", ["", "x", "a" * 32, "a" * 64, "\xff"])
def test_a_wrong_csrf_token_is_403(browser: Browser, product: MakeProduct, token: str) -> None:
    jam = product()
    path, body = order(jam)
    answer = browser("POST", path, body, X_CSRFToken=token)
    assert (answer.status, left(jam)) == (403, 10)


def test_a_page_of_another_site_cannot_write(browser: Browser, product: MakeProduct) -> None:
    jam = product()
    path, body = order(jam)
    token = browser.cookies["csrftoken"]
    answer = browser("POST", path, body, X_CSRFToken=token, Origin="https://elsewhere.example")
    assert (answer.status, left(jam)) == (403, 10)


def test_a_form_of_another_site_cannot_write(browser: Browser, product: MakeProduct) -> None:
    jam = product()
    path, _ = order(jam)
    assert browser("POST", path, form={"products": "1"}).status == 415
    own = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    assert browser("POST", path, form=own).status == 415
    text = browser(
        "POST", path, {"products": [{"id": jam, "quantity": 1}]}, Content_Type="text/plain"
    )
    assert text.status == 415
    assert left(jam) == 10


def test_a_token_in_addition_to_the_cookie_needs_no_csrf_token(
    browser: Browser, shopper: ApiClient, product: MakeProduct
) -> None:
    path, body = order(product())
    assert shopper.authorization is not None
    answer = browser("POST", path, body, Authorization=shopper.authorization)
    assert answer.status == 201
    assert shopper("GET", path).status == 200
    assert browser("GET", path).status == 404


def test_v1_ignores_the_cookie(browser: Browser, product: MakeProduct) -> None:
    product()
    token = browser.cookies["csrftoken"]
    assert browser("GET", "/api/v1/products").status == 401
    assert browser("POST", "/api/v1/orders", {}, X_CSRFToken=token).status == 401


def test_the_open_paths_need_no_csrf_token(browser: Browser, account: Person) -> None:
    said = {"username": account.customer.username, "password": account.password}
    pair = browser("POST", "/api/token/", said)
    assert pair.status == 200
    again = browser("POST", "/api/token/refresh/", {"refresh": pair.body["refresh"]})
    assert again.status == 200
    assert browser("POST", "/auth/", said).status == 200


def end_by_deletion(who: Person) -> None:
    delete_account(who.id, now=now())


def end_by_deactivation(who: Person) -> None:
    Customer.objects.filter(pk=who.id).update(is_active=False)


@pytest.mark.parametrize("end", [end_by_deletion, end_by_deactivation])
def test_deleting_the_account_ends_its_cookie_at_once(
    browser: Browser, account: Person, end: Callable[[Person], None]
) -> None:
    assert browser("GET", "/api/products/").status == 200
    end(account)
    assert browser("GET", "/api/products/").status == 401


def test_an_unknown_cookie_is_401(anyone: ApiClient) -> None:
    for cookie in ("sessionid=x", "sessionid=" + "a" * 32, "sessionid=\xff", "sessionid"):
        assert anyone("GET", "/api/products/", Cookie=cookie).status == 401
