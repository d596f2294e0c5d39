"""The page at `/`."""

import re

import pytest
from django.test import Client
from django.test.utils import override_settings

from tests.conftest import Api


def page() -> str:
    """Returns the text of the page."""
    answer = Client().get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
    return answer.content.decode()


def links(text: str) -> list[str]:
    """Returns the links of the page."""
    return re.findall('<a href="([^"]+)"', text)


def test_the_home_page_reports_that_the_service_runs_without_a_query() -> None:
    text = page()  # Without a database: the test has none.
    assert "The service is running." in text
    assert "Correlation-ID" in Client().head("/").headers


HERE = ["/admin/", "/api/v1/docs", "/api/v1/openapi.json", "/api/v1/problems", "/readyz"]


def test_the_home_page_links_to_the_documentation_and_the_admin() -> None:
    assert links(page())[:5] == HERE
    assert "/livez" in page()
    assert "/metrics" in page()


@pytest.mark.parametrize("on", [frozenset(), frozenset({"4"}), frozenset({"0", "2"})])
def test_the_home_page_names_the_earlier_contracts_that_are_on(on: frozenset[str]) -> None:
    with override_settings(COMPAT=on):
        contracts = links(page())[5:]
    assert contracts == [f"/api/compat/contract{name}/openapi.json" for name in sorted(on)]


@pytest.mark.parametrize("demo", [True, False])
def test_the_demo_log_ins_are_shown_only_in_demo_mode(demo: bool) -> None:
    with override_settings(DEMO=demo):
        text = page()
        reader = Client().get("/api/v1/docs").content.decode()
    assert ("<code>12345</code>" in text) == demo
    assert ("Log in as demo" in reader) == demo


@pytest.mark.django_db
def test_every_link_of_the_home_page_works(api: Api) -> None:
    for link in links(page()):
        assert api("GET", link).status in {200, 302}, link


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_home_page_accepts_only_reads(api: Api, method: str) -> None:
    answer = api(method, "/")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.body["code"] == "method_not_allowed"
