"""Passkeys in a browser with a virtual authenticator."""

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.conftest import Person
from tests.staff.browser import CHROMIUM, axe, faults_anywhere, in_browser, log_in

__all__ = ["axe"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def named(site: str) -> str:
    """The address of the server with a name: browsers offer no passkeys at an IP address."""
    return site.replace("127.0.0.1", "localhost")


def authenticator(page: Page) -> tuple[CDPSession, str]:
    """Gives the browser an authenticator."""
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    added = tools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return tools, added["authenticatorId"]


NOTE_TIMEOUT = """
const get = navigator.credentials.get.bind(navigator.credentials);
navigator.credentials.get = async (given) => {
    await note(given.publicKey.timeout ?? null);
    return get(given);
};
"""


def add_passkey(page: Page, site: str) -> None:
    page.goto(f"{site}/admin/second-factor/")
    page.get_by_label("Name of the passkey").fill("This laptop")
    page.get_by_role("button", name="Add a passkey").click()


def start_log_in(page: Page, site: str, who: Person) -> None:
    page.context.clear_cookies()
    page.goto(f"{site}/admin/orders/order/")
    page.get_by_label("Username").fill(who.customer.username)
    page.get_by_label("Password").fill(who.password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Use a passkey").wait_for()
    page.wait_for_load_state()


def test_a_passkey_is_added_and_opens_the_admin(named: str, boss: Person, axe: str) -> None:
    faults: dict[str, list[str]] = {}

    def journey(page: Page) -> None:
        tools, device = authenticator(page)
        log_in(page, named, boss)
        add_passkey(page, named)
        page.get_by_text("Keep these recovery codes").wait_for()
        faults["codes"] = faults_anywhere(page, axe)
        page.goto(f"{named}/admin/second-factor/")
        page.get_by_role("button", name="Remove This laptop").wait_for()
        faults["own page"] = faults_anywhere(page, axe)
        add_passkey(page, named)
        page.get_by_text("This device already has a passkey of your account.").wait_for()
        start_log_in(page, named, boss)
        faults["log-in"] = faults_anywhere(page, axe)
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url("**/admin/orders/order/")
        # Another device is not accepted.
        tools.send("WebAuthn.clearCredentials", {"authenticatorId": device})
        start_log_in(page, named, boss)
        page.get_by_role("button", name="Use a passkey").click()
        page.get_by_text("No passkey was used. Try again, or use a code.").wait_for()
        expect(page.get_by_role("button", name="Use a passkey")).to_be_focused()

    seen = in_browser(journey)
    assert faults == {"codes": [], "own page": [], "log-in": []}
    assert seen.faults == []


def test_a_page_whose_challenge_has_expired_is_opened_again(named: str, boss: Person) -> None:
    waits: list[float] = []

    def journey(page: Page) -> None:
        authenticator(page)
        page.expose_function("note", lambda wait: waits.extend([wait]))
        page.add_init_script(NOTE_TIMEOUT)
        page.clock.install()
        log_in(page, named, boss)
        add_passkey(page, named)
        page.get_by_text("Keep these recovery codes").wait_for()
        start_log_in(page, named, boss)
        page.get_by_label("Code of your app").fill("000000")
        page.get_by_role("button", name="Confirm").click()
        refusal = page.get_by_text("A code or passkey is wrong")
        refusal.wait_for()
        page.wait_for_load_state()
        page.clock.fast_forward("09:30")
        posts: list[str] = []
        page.on("request", lambda sent: posts.append(sent.url) if sent.method == "POST" else None)
        page.get_by_role("button", name="Use a passkey").click()
        refusal.wait_for(state="detached")
        assert posts == []
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url("**/admin/orders/order/")

    assert in_browser(journey).faults == []
    assert [0 < wait <= 540_000 for wait in waits] == [True]


@pytest.mark.parametrize("width", [390])
def test_a_browser_without_passkeys_says_so(named: str, boss: Person, width: int) -> None:
    def journey(page: Page) -> None:
        page.add_init_script("delete window.PublicKeyCredential")
        log_in(page, named, boss)
        page.goto(f"{named}/admin/second-factor/")
        page.get_by_text("This browser cannot use passkeys. Use a code.").wait_for()
        assert not page.get_by_role("button", name="Add a passkey").is_visible()

    assert in_browser(journey, width=width).faults == []
