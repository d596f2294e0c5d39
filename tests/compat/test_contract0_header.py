"""Contract 0: `Authorization: Token`, and the admin."""

import re
from collections.abc import Callable

import pytest
from django.core.management import call_command

from larder.core.clock import now
from larder.identity.models import Customer
from larder.identity.services.accounts import delete_account
from tests.compat.browser import Browser
from tests.compat.conftest import ApiClient
from tests.conftest import Person

MakePerson = Callable[..., Person]
PATHS = ("/api/products/", "/api/orders/")
NOT_GIVEN = {"detail": "Authentication credentials were not provided."}


def key_of(anyone: ApiClient, who: Person) -> str:
    said = {"username": who.customer.username, "password": who.password}
    return str(anyone("POST", "/auth/", said).body["token"])


def test_a_key_gives_access_to_the_protected_paths(anyone: ApiClient, person: MakePerson) -> None:
    key = key_of(anyone, person())
    for path in PATHS:
        for word in ("Token", "token", "TOKEN"):
            assert anyone("GET", path, Authorization=f"{word} {key}").status == 200


def test_a_key_gives_access_to_v1(anyone: ApiClient, person: MakePerson) -> None:
    key = key_of(anyone, person())
    assert anyone("GET", "/api/v1/products", Authorization=f"Token {key}").status == 200


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        (f"Token {'0' * 40}", "Invalid token."),
        ("Token nonsense", "Invalid token."),
        ("Token", "Invalid token header. No credentials provided."),
        ("Token ", "Invalid token header. No credentials provided."),
        ("Token a b", "Invalid token header. Token string should not contain spaces."),
    ],
)
def test_a_bad_key_is_401(anyone: ApiClient, header: str, detail: str) -> None:
    for path in PATHS:
        answer = anyone("GET", path, Authorization=header)
        assert (answer.status, answer.body) == (401, {"detail": detail})
        assert answer.headers["www-authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("key", ["\xff", "\xe9" * 40, "0" * 39 + "\xff"])
def test_a_key_with_invalid_bytes_is_401(anyone: ApiClient, key: str) -> None:
    answer = anyone("GET", "/api/products/", Authorization=f"Token {key}")
    assert answer.status == 401
    assert isinstance(answer.body["detail"], str)


def test_a_shortened_extended_or_upper_case_key_is_401(
    anyone: ApiClient, person: MakePerson
) -> None:
    key = key_of(anyone, person())
    assert key.upper() != key
    for bad in (key[:20], key[:-1], f"{key}0", key.upper()):
        answer = anyone("GET", "/api/products/", Authorization=f"Token {bad}")
        assert (answer.status, answer.body) == (401, {"detail": "Invalid token."})


def test_a_key_sent_as_bearer_is_401(anyone: ApiClient, person: MakePerson) -> None:
    key = key_of(anyone, person())
    answer = anyone("GET", "/api/products/", Authorization=f"Bearer {key}")
    assert (answer.status, answer.body["code"]) == (401, "token_not_valid")


def test_a_request_without_the_header_is_401(anyone: ApiClient) -> None:
    for path in PATHS:
        answer = anyone("GET", path)
        assert (answer.status, answer.body) == (401, NOT_GIVEN)


def end_by_deletion(who: Person) -> None:
    delete_account(who.id, now=now())


def end_by_deactivation(who: Person) -> None:
    Customer.objects.filter(pk=who.id).update(is_active=False)


@pytest.mark.parametrize("end", [end_by_deletion, end_by_deactivation])
def test_deleting_the_account_ends_its_key_at_once(
    anyone: ApiClient, person: MakePerson, end: Callable[[Person], None]
) -> None:
    who = person()
    header = f"Token {key_of(anyone, who)}"
    assert anyone("GET", "/api/products/", Authorization=header).status == 200
    end(who)
    answer = anyone("GET", "/api/products/", Authorization=header)
    assert (answer.status, answer.body) == (401, {"detail": "Invalid token."})
    said = {"username": who.customer.username, "password": who.password}
    again = anyone("POST", "/auth/", said)
    wrong = anyone("POST", "/auth/", {"username": "nobody", "password": "wrong"})
    assert (again.status, again.body) == (wrong.status, wrong.body)


@pytest.fixture
def chief(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Name and password of a superuser, made by the command."""
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "swordfish")
    call_command("createsuperuser", username="chief", interactive=False, verbosity=0)
    return "chief", "swordfish"


def test_the_admin_redirects_anonymous_requests_to_its_log_in(anyone: ApiClient) -> None:
    answer = anyone("GET", "/admin/")
    assert (answer.status, answer.headers["location"]) == (302, "/admin/login/?next=/admin/")
    page = anyone("GET", "/admin/login/?next=/admin/")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert re.search(rb"<form[^>]*method=.post", page.body)


def test_a_superuser_uses_the_admin_and_the_key_of_auth(
    anyone: ApiClient, chief: tuple[str, str]
) -> None:
    browser = Browser(anyone.server)
    browser.log_in(*chief)
    page = browser("GET", "/admin/")
    assert page.status == 200
    for table in (b"identity/customer/", b"catalog/product/", b"orders/order/"):
        assert table in page.body
    answer = anyone("POST", "/auth/", {"username": chief[0], "password": chief[1]})
    assert answer.status == 200
    header = f"Token {answer.body['token']}"
    assert anyone("GET", "/api/products/", Authorization=header).status == 200


def test_a_customer_cannot_open_the_admin(anyone: ApiClient, person: MakePerson) -> None:
    who = person()
    browser = Browser(anyone.server)
    assert browser.try_to_log_in(who.customer.username, who.password).status == 200
    assert "sessionid" not in browser.cookies
    assert browser("GET", "/admin/").status == 302
