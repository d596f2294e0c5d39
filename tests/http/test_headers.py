"""Security headers of answers and attributes of the admin's cookies."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from larder.http.headers import NO_DEVICES, NOTHING, PAGE, admin_policy
from tests.conftest import Person

SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}


def answer(path: str, client: Client | None = None, **headers: str) -> Any:
    return (client or Client()).get(path, headers=headers)


@pytest.mark.parametrize(
    "path", ["/livez", "/api/v1/products", "/api/v1/openapi.json", "/nothing", "/metrics"]
)
def test_answers_of_the_api_allow_no_resources_and_no_frames(path: str, db: None) -> None:
    headers = answer(path).headers
    assert headers["Content-Security-Policy"] == NOTHING
    assert headers.items() >= SAFE.items()


@pytest.mark.parametrize("path", ["/", "/api/v1/docs", "/admin/login/", "/admin/nothing/"])
def test_pages_load_only_from_this_server(path: str, db: None) -> None:
    headers = answer(path, Accept="text/html").headers
    policy = admin_policy("") if path.startswith("/admin/") else PAGE
    assert headers["Content-Security-Policy"] == policy
    assert headers.items() >= (SAFE | {"X-Frame-Options": "DENY"}).items()
    assert headers["Permissions-Policy"] == NO_DEVICES


def test_the_admin_loads_pictures_from_the_origin_of_pictures_url_too(
    db: None, settings: Any
) -> None:
    settings.PICTURES_URL = "https://cdn.example.com:8443/shop"
    policies = {
        path: answer(path, Accept="text/html").headers["Content-Security-Policy"]
        for path in ("/admin/login/", "/api/v1/docs")
    }
    pictures = "img-src 'self' data: https://cdn.example.com:8443; "
    assert policies["/admin/login/"] == admin_policy("").replace("img-src 'self' data:; ", pictures)
    assert policies["/api/v1/docs"] == PAGE


def test_no_policy_allows_inline_scripts() -> None:
    for policy in (NOTHING, PAGE, admin_policy("")):
        rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
        assert "'unsafe-inline'" not in rules.get("script-src", "")
        assert rules["default-src"] == "'none'"
        assert rules["frame-ancestors"] == "'none'"


def test_cookies_of_the_admin_need_this_host_and_tls(
    person: Callable[..., Person], settings: Any
) -> None:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    boss = person(is_staff=True, is_superuser=True)
    form = {"username": boss.customer.username, "password": boss.password}
    client = Client()
    page = client.post("/admin/login/", form)
    session, csrf = page.cookies["sessionid"], page.cookies["csrftoken"]
    assert (session["secure"], session["httponly"], session["samesite"]) == (True, True, "Lax")
    assert (csrf["secure"], csrf["samesite"]) == (True, "Lax")
    assert not session["domain"]
    assert not csrf["domain"]


def test_an_api_for_apps_sets_no_cookie(person: Callable[..., Person]) -> None:
    who = person()
    body = {"username": who.customer.username, "password": who.password}
    answer = Client().post("/api/v1/auth/token", body, content_type="application/json")
    assert answer.status_code == 200
    assert not answer.cookies


ORIGIN = "https://app.example"


@pytest.fixture
def open_to_one(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]


def allowed(path: str, origin: str, method: str = "GET") -> str | None:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    header = Client().options(path, headers=asked).headers.get("Access-Control-Allow-Origin")
    read = Client().get(path, headers={"Origin": origin}).headers
    assert read.get("Access-Control-Allow-Origin") == header
    assert "Access-Control-Allow-Credentials" not in read
    return header


@pytest.mark.usefixtures("open_to_one", "db")
def test_only_scripts_of_allowed_origins_may_read_answers() -> None:
    assert allowed("/api/v1/products", ORIGIN) == ORIGIN
    for other in (
        *("https://evil.example", "null", "http://app.example", "https://app.example:8443"),
        *(f"{ORIGIN}.evil.example", "https://xapp.example"),
    ):
        assert allowed("/api/v1/products", other) is None


@pytest.mark.usefixtures("open_to_one", "db")
@pytest.mark.parametrize("path", ["/admin/login/", "/metrics", "/readyz", "/"])
def test_scripts_of_other_origins_may_read_only_the_api(path: str) -> None:
    assert allowed(path, ORIGIN) is None


@pytest.mark.usefixtures("db")
def test_no_origin_may_read_answers_without_the_setting() -> None:
    assert allowed("/api/v1/products", ORIGIN) is None


@pytest.mark.usefixtures("open_to_one", "db")
def test_answers_vary_by_origin() -> None:
    headers = Client().get("/api/v1/products", headers={"Origin": ORIGIN}).headers
    assert "origin" in headers["Vary"].lower()
