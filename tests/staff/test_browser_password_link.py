"""A person opens the link that staff made, in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from larder.identity.models import Customer
from tests.conftest import Person
from tests.staff.browser import CHROMIUM, in_browser, log_in

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
WANTED = "a longer passphrase"


@pytest.mark.parametrize(
    ("may_copy", "said"),
    [(True, "Copied."), (False, "The text is selected. Copy it with Ctrl+C")],
)
def test_the_keyboard_copies_a_link_or_else_selects_it(
    site: str, person: Callable[..., Person], may_copy: bool, said: str
) -> None:
    boss, tom = person("boss", is_staff=True, is_superuser=True), person("tom", email="")

    def journey(page: Page) -> None:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"] if may_copy else [])
        if not may_copy:
            # As without https.
            page.add_init_script("delete Navigator.prototype.clipboard")
        log_in(page, site, boss)
        page.goto(f"{site}/admin/identity/customer/{tom.id}/password-link/")
        page.get_by_role("button", name="Make a link").click()
        link = page.locator("code").inner_text()
        page.wait_for_load_state()
        page.get_by_role("button", name="Copy").press("Enter")
        expect(page.get_by_role("status").filter(has_text=said)).to_have_count(1)
        assert page.evaluate("String(getSelection())") == link
        if may_copy:
            assert page.evaluate("navigator.clipboard.readText()") == link

    assert in_browser(journey).faults == []


@pytest.mark.parametrize("width", [390, 1280])
def test_a_person_sets_the_password_with_the_link(
    site: str, transactional_db: None, person: Callable[..., Person], width: int
) -> None:
    boss = person("boss", is_staff=True, is_superuser=True)
    tom = person("tom", email="")

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/identity/customer/{tom.id}/password-link/")
        page.get_by_role("button", name="Make a link").click()
        link = page.locator("code").inner_text()
        page.context.clear_cookies()
        page.goto(link)
        page.locator(".page-facts").get_by_text("tom", exact=True).wait_for()
        assert page.get_by_label("Code of the link or the mail").input_value() in link
        assert "#" not in page.url
        page.get_by_label("New password", exact=False).first.fill(WANTED)
        page.get_by_label("New password again").fill(WANTED)
        page.get_by_role("button", name="Set password").click()
        page.get_by_text("The password is set.").wait_for()

    assert in_browser(journey, width=width).faults == []
    assert Customer.objects.get(pk=tom.id).check_password(WANTED)
