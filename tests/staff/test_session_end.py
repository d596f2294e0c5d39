"""A session of the admin ends after a time without use, and at a maximum age."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from larder.catalog.models import Category
from larder.compat.urls import patterns
from larder.config import urls
from larder.core.clock import now
from larder.http import admin_session, middleware
from larder.identity.models import Customer
from larder.identity.models import Session as Opened
from larder.ops import tasks
from tests.conftest import Api, Person
from tests.http.conftest import token_for
from tests.staff.desk import Desk

MINUTE, HOUR = 60, 3600
PAGE = "catalog/product/?q=jam"
IDLE = "You were logged out after 60 minutes without use."
NOT_SAVED = admin_session.NOT_SAVED


def age(client: Client, **seconds: int) -> None:
    """Moves times of the session into the past: `age(client, used=60)`."""
    session = client.session
    for name, value in seconds.items():
        session[name] -= value
    session.save()


def log_in(client: Client, who: Person, page: str) -> Any:
    credentials = {"username": who.customer.username, "password": who.password}
    return client.post(page, credentials)


def test_an_ended_session_redirects_to_a_log_in_with_the_reason_and_back(
    desk: Desk, boss: Person
) -> None:
    age(desk.client, used=HOUR + 5)
    page = desk.get(PAGE)
    ((address, status),) = page.response.redirect_chain
    assert (address, status) == ("/admin/login/?next=/admin/catalog/product/%3Fq%3Djam", 302)
    assert page.messages == [f"{IDLE} Log in to continue."]
    assert not Session.objects.exists()
    assert log_in(desk.client, boss, address)["Location"] == f"/admin/{PAGE}"
    assert desk.get(PAGE).response.redirect_chain == []


def test_the_log_in_page_has_the_reason(desk: Desk) -> None:
    age(desk.client, used=HOUR + 5)
    assert desk.get("login/").messages == [f"{IDLE} Log in to continue."]
    assert desk.get("login/").messages == []


def test_a_session_in_use_ends_only_at_its_maximum_age(desk: Desk) -> None:
    for _ in range(11):
        age(desk.client, used=HOUR - 5)
        assert desk.get("").response.redirect_chain == []
    Opened.objects.update(expires_at=now())
    assert desk.get("").response.redirect_chain != []


def test_the_settings_limit_the_age_of_a_session(desk: Desk, settings: Any) -> None:
    settings.ADMIN_IDLE_MINUTES = 1
    age(desk.client, used=55)
    assert desk.get("").response.redirect_chain == []
    age(desk.client, used=MINUTE + 5)
    assert desk.get("").messages[0].startswith("You were logged out after 1 minute without")


def test_a_use_is_written_twice_a_minute(desk: Desk) -> None:
    def writes() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            desk.client.get("/admin/")
        statements = [query["sql"] for query in captured.captured_queries]
        return [
            statement
            for statement in statements
            if "django_session" in statement and not statement.startswith("SELECT")
        ]

    desk.client.get("/admin/")
    assert writes() == []
    age(desk.client, used=MINUTE // 2)
    (written,) = writes()
    assert written.startswith("UPDATE")
    assert writes() == []


def test_constant_use_keeps_a_session_whose_time_is_a_minute(desk: Desk, settings: Any) -> None:
    settings.ADMIN_IDLE_MINUTES = 1
    for _ in range(2):
        age(desk.client, used=30)
        assert desk.get("").response.redirect_chain == []
        age(desk.client, used=35)
        assert desk.get("").response.redirect_chain == []


def test_a_session_stays_ended_when_its_account_is_reactivated(desk: Desk, boss: Person) -> None:
    rows = Customer.objects.filter(pk=boss.id)
    rows.update(is_active=False)
    rows.update(is_active=True)
    assert desk.get("").response.redirect_chain != []


def test_ending_all_sessions_ends_those_of_the_admin(desk: Desk, boss: Person) -> None:
    assert Api(token_for(boss))("DELETE", "me/sessions").status == 204
    assert desk.get("").response.redirect_chain != []


def test_a_form_sent_after_the_end_is_not_saved_and_leads_back_to_its_page(
    desk: Desk, boss: Person
) -> None:
    age(desk.client, used=HOUR + 5)
    page = desk.post("catalog/category/add/", {"name": "Jams"})
    ((address, status),) = page.response.redirect_chain
    assert (address, status) == ("/admin/login/?next=/admin/catalog/category/add/", 302)
    assert page.messages == [f"{IDLE} {NOT_SAVED}"]
    log_in(desk.client, boss, address)
    assert desk.get("catalog/category/add/").messages == []
    assert not Category.objects.exists()


def test_a_form_sent_after_a_log_out_elsewhere_is_reported(desk: Desk) -> None:
    Session.objects.all().delete()
    page = desk.post("catalog/category/add/", {"name": "Jams"})
    assert page.messages == [f"You are not logged in. {NOT_SAVED}"]


def test_a_log_out_after_the_end_reports_no_lost_form(desk: Desk) -> None:
    age(desk.client, used=HOUR + 5)
    page = desk.post("logout/", {})
    assert (page.status, page.messages) == (200, [])


@pytest.fixture
def contracts(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The earlier contracts that accept the cookie are on."""
    settings.ROOT_URLCONF = (*urls.urlpatterns, *patterns(frozenset({"1", "2", "3"})))
    monkeypatch.setattr(middleware, "_COOKIES_IN_API", True)


@pytest.mark.usefixtures("contracts")
@pytest.mark.parametrize("path", ["/api/products/", "/api/catalog/products/", "/api/product/"])
def test_the_cookie_ends_at_the_earlier_contracts(desk: Desk, path: str) -> None:
    assert desk.client.get(path).status_code == 200
    age(desk.client, used=HOUR + 5)
    assert desk.client.get(path).status_code in {401, 403}
    assert desk.client.get("/admin/").status_code == 302


@pytest.mark.usefixtures("contracts")
def test_a_use_at_an_earlier_contract_counts(desk: Desk) -> None:
    age(desk.client, used=HOUR - 5)
    assert desk.client.get("/api/products/").status_code == 200
    age(desk.client, used=HOUR - 5)
    assert desk.get("").response.redirect_chain == []


@pytest.mark.parametrize("change", ["password", "is_active", "is_staff"])
def test_a_session_ends_with_the_password_the_account_and_the_rights(
    desk: Desk, person: Callable[..., Person], change: str
) -> None:
    other = Desk(person(is_staff=True, is_superuser=True))
    row = Customer.objects.get(username="boss")
    if change == "password":
        row.set_password("another horse battery")
    else:
        setattr(row, change, False)
    row.save()
    assert desk.get("").response.redirect_chain != []
    assert other.get("").response.redirect_chain == []


def test_forms_without_a_session_leave_one_message(db: None) -> None:
    """More would fill the cookie, and then rows of sessions."""
    client = Client()
    for _ in range(50):
        assert client.post("/admin/").status_code == 302
    page = client.get("/admin/login/").content.decode()
    assert page.count("was not saved") == 1


def test_expired_sessions_are_deleted(db: None) -> None:
    for number, days in enumerate((-9, -8, 1)):
        Session.objects.create(session_key=f"s{number}", expire_date=now() + timedelta(days=days))
    tasks.delete_old_rows()
    assert list(Session.objects.values_list("session_key", flat=True)) == ["s2"]
