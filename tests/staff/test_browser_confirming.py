"""The log-in after the end of a session, and the page that asks for the password, in a browser."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from playwright.sync_api import Page

from larder.http.admin_session import CONFIRMED, USED
from tests.conftest import Person
from tests.staff.browser import CHROMIUM, axe, faults_in_schemes, in_browser, log_in

__all__ = ["axe"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


def age(name: str) -> None:
    """Moves a time of the session into the past, in a thread that may use the database."""

    def move() -> None:
        store = SessionStore(Session.objects.get().session_key)
        store[name] -= 2 * 3600
        store.save()
        connection.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(move).result()


@pytest.mark.parametrize("width", [1400, 390])
def test_a_role_is_created_after_the_password_and_an_ended_session_returns(
    site: str, person: Callable[..., Person], axe: str, width: int
) -> None:
    boss, name = person("boss", is_staff=True, is_superuser=True), f"Kitchen {width}"

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/auth/group/add/")
        age(CONFIRMED)
        page.get_by_label("Name").fill(name)
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("Confirm your password").first.wait_for()
        assert faults_in_schemes(page, axe) == []
        page.get_by_label("Your password").fill(boss.password)
        page.get_by_role("button", name="Confirm").click()
        page.get_by_text("This is what you typed.").wait_for()
        age(USED)
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("You were logged out after 60 minutes without use.").wait_for()
        page.get_by_label("Username").fill(boss.customer.username)
        page.get_by_label("Password").fill(boss.password)
        page.get_by_role("button", name="Log in").click()
        page.get_by_text("This is what you typed.").wait_for()
        assert faults_in_schemes(page, axe) == []
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("was added successfully").wait_for()

    seen = in_browser(journey, width=width)
    # Roles are not among the tables that are emptied after a test.
    assert Group.objects.filter(name=name).delete()[0]
    assert seen.faults == []
