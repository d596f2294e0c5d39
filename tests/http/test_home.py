"""The page at `/`."""

import re

import pytest
from django.test import Client
from django.test.utils import override_settings

from tests.conftest import Api


def page() -> str:
    """The page's text."""
    answer = Client().get("/")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
    return answer.content.decode()


def links(text: str) -> list[str]:
    """Where it leads."""
    return re.findall('<a href="([^"]+)"', text)


def test_the_home_page_says_that_the_service_runs_and_asks_for_nothing() -> None:
    text = page()  # Without a database: the test has none.
    assert "The service is running." in text
    assert "Correlation-ID" in Client().head("/").headers


def test_the_home_page_leads_to_the_documentation_and_the_admin() -> None:
    assert links(page())[:3] == ["/api/v1/docs", "/admin/", "/readyz"]


@pytest.mark.parametrize("on", [frozenset(), frozenset({"4"}), frozenset({"0", "2"})])
def test_the_home_page_names_the_earlier_contracts_that_are_on(on: frozenset[str]) -> None:
    with override_settings(COMPAT=on):
        found = links(page())[3:]
    assert found == [f"/api/compat/contract{name}/openapi.json" for name in sorted(on)]


@pytest.mark.django_db
def test_every_link_of_the_home_page_leads_somewhere(api: Api) -> None:
    for link in links(page()):
        assert api("GET", link).status in {200, 302}, link


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_home_page_is_only_read(api: Api, method: str) -> None:
    answer = api(method, "/")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.body["code"] == "method_not_allowed"
