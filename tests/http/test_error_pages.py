"""Errors outside of the API: a page for browsers, a problem for programs."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.conftest import Person
from tests.server import Server

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
PROGRAMS = ("*/*", "application/json", "application/json, text/html;q=0.5")
LINKS = ["/", "/admin/"]


def is_page(answer: Any, status: int, code: str) -> bool:
    """Returns whether this is a page of the error that leads back."""
    assert answer.status_code == status
    text = answer.content.decode()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Correlation-ID"] in text
    *back, about = re.findall('<a href="([^"]+)"', text)
    return back == LINKS and about.endswith(f"/api/v1/problems/{code}")


def is_problem(answer: Any, status: int, code: str) -> bool:
    """Returns whether this is a problem."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    return (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.fixture
def browser() -> Client:
    return Client(enforce_csrf_checks=True, headers={"Accept": BROWSER})


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/nothing", "/admin/nothing/", "/static/nothing.js"])
def test_an_unknown_path_is_a_page_or_a_problem(browser: Client, path: str) -> None:
    answer = browser.get(path)
    if path.startswith("/admin/"):
        assert answer.headers["Location"].startswith("/admin/login/")
        return
    assert is_page(answer, 404, "not_found")
    assert "Accept" in answer.headers["Vary"]
    for accepted in PROGRAMS:
        assert is_problem(browser.get(path, headers={"Accept": accepted}), 404, "not_found")


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/nothing"])
def test_an_unknown_path_of_the_api_is_a_problem_for_any_accept_header(
    browser: Client, path: str
) -> None:
    assert is_problem(browser.get(path), 404, "not_found")


def test_an_unknown_object_of_the_admin_is_a_page(
    browser: Client, person: Callable[..., Person]
) -> None:
    browser.force_login(person(is_staff=True, is_superuser=True).customer)
    for accepted in (BROWSER, "*/*"):
        answer = browser.get("/admin/nothing/", headers={"Accept": accepted})
        text = answer.content.decode()
        assert (answer.status_code, 'id="nav-sidebar-apps"' in text) == (404, True)
        assert "There is nothing at this address." in text


def test_a_page_that_the_role_does_not_allow_says_whom_to_ask(
    browser: Client, person: Callable[..., Person]
) -> None:
    browser.force_login(person(is_staff=True, role=None).customer)
    answer = browser.get("/admin/orders/order/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert "Accept" in answer.headers["Vary"]
    text = answer.content.decode()
    assert 'id="nav-sidebar-apps"' in text
    assert "The role of your account does not allow this page." in text
    assert "ask a colleague who may manage rights" in text
    program = browser.get("/admin/orders/order/", headers={"Accept": "application/problem+json"})
    assert is_problem(program, 403, "permission_missing")


@pytest.mark.django_db
def test_a_form_without_its_csrf_token_has_a_link_back(browser: Client) -> None:
    form = {"username": "a", "password": "b"}
    assert is_page(browser.post("/admin/login/", form), 403, "csrf_failed")
    german = browser.post("/admin/login/", form, headers={"Accept-Language": "de"})
    assert "<h1>Bitte noch einmal senden</h1>" in german.content.decode()
    answer = browser.post("/admin/login/", form, headers={"Accept": "application/json"})
    assert is_problem(answer, 403, "csrf_failed")


def test_an_unknown_host_is_a_page(browser: Client) -> None:
    answer = browser.get("/", headers={"Host": "elsewhere.example"})
    assert is_page(answer, 400, "bad_host")
    assert "The setting ALLOWED_HOSTS does not have elsewhere.example." in answer.content.decode()
    details = {
        "Shop.lan:8000": "The setting ALLOWED_HOSTS does not have shop.lan.",
        "[fd00::1]:8000": "The setting ALLOWED_HOSTS does not have [fd00::1].",
        "<b>:x": "The Host header is not a host name.",
    }
    for host, detail in details.items():
        answer = browser.get("/", headers={"Host": host, "Accept": "application/json"})
        assert is_problem(answer, 400, "bad_host")
        assert answer.json()["detail"] == detail


@pytest.mark.system
def test_an_error_of_a_running_server_is_a_page_or_a_problem(transactional_db: None) -> None:
    with Server(workers=1, application="tests.http.failing:application") as server:
        page = server.call("GET", "/broken", headers={"Accept": BROWSER})
        assert (page.status, page.headers["content-type"]) == (500, "text/html; charset=utf-8")
        text = page.body.decode()
        assert re.findall('<a href="([^"]+)"', text)[:2] == LINKS
        assert page.headers["correlation-id"] in text
        assert "planted" not in text
        for path in ("/broken", "/api/broken"):
            refused = server.call("GET", path)
            assert (refused.status, refused.body["code"]) == (500, "internal_error")
            assert refused.headers["content-type"] == "application/problem+json"
        answer = server.call("GET", "/api/broken", headers={"Accept": BROWSER})
        assert answer.headers["content-type"] == "application/problem+json"
