"""A person opens the link that staff made, in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from larder.identity.models import Customer
from tests.conftest import Person
from tests.staff.browser import CHROMIUM, in_browser, log_in

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
WANTED = "a longer passphrase"


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
