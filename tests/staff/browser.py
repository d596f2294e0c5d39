"""A browser at the admin of a running server."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from larder.local.terminal import LauncherError
from tests.conftest import Person
from tests.staff.scripts import AXE, fetched
from tests.system.clients.npm import unavailable

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
QUIETLY = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""Arguments of a Chromium that asks no other host for anything."""
LAUNCH_MS = 120_000
"""Milliseconds in which a Chromium starts, on a busy machine too."""
DESK, PHONE = 1440, 390
PATIENCE_MS = 60_000
"""Milliseconds that a page has for what is expected of it: the machine may be busy."""

expect.set_options(timeout=PATIENCE_MS)

FOUND = """async () => {
    const found = await axe.run(document, {resultTypes: ['violations']});
    const grave = found.violations.filter(one => one.impact !== 'minor');
    return grave.map(one => `${one.id}: ${one.nodes.map(node => node.target).join(', ')}`);
}"""
MISSING_ICONS = """async () => {
    const pen = document.createElement('canvas').getContext('2d');
    pen.font = '24px "Material Symbols Outlined"';
    await document.fonts.load(pen.font);
    const icons = [...document.querySelectorAll('.material-symbols-outlined')];
    const names = new Set(icons.map(icon => icon.textContent.trim()));
    return [...names].filter(name => pen.measureText(name).width > 60);
}"""
"""The names of icons that are as wide as words: they are not in the font (`make fonts`)."""
SMUGGLE = """
const script = document.createElement('script');
script.textContent = 'window.smuggled = true';
document.body.appendChild(script);
const image = '<img src="data:," onerror="window.smuggled = true">';
document.body.insertAdjacentHTML('beforeend', image);
"""
"""Scripts that a page with a Content-Security-Policy does not run."""

__all__ = ["CHROMIUM", "Seen", "in_browser", "in_sidebar", "log_in"]


@dataclass
class Seen:
    """What the browser asked for, and what went wrong."""

    hosts: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("request", lambda request: self._asked(request.url))
        page.on("response", lambda answer: self._answered(answer.status, answer.url))
        page.on("console", lambda line: self._said(line.type, line.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))

    def _asked(self, url: str) -> None:
        if url.startswith("http"):
            self.hosts.add(url.split("/")[2])

    def _answered(self, status: int, url: str) -> None:
        if status >= 400:
            self.faults.append(f"{status} {url}")

    def _said(self, kind: str, text: str) -> None:
        if kind == "error":
            self.faults.append(text)


def in_browser(journey: Callable[[Page], None], *, scripts: bool = True, width: int = 1400) -> Seen:
    """Runs a journey in a browser, in a separate thread: Playwright runs an event loop, in
    whose thread Django refuses to use the database."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_run, journey, scripts, width).result()


def _run(journey: Callable[[Page], None], scripts: bool, width: int) -> Seen:
    seen = Seen()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=QUIETLY, timeout=LAUNCH_MS
        )
        page = browser.new_page(
            java_script_enabled=scripts, viewport={"width": width, "height": 900}
        )
        page.set_default_timeout(PATIENCE_MS)
        seen.watch(page)
        journey(page)
        browser.close()
    return seen


def log_in(page: Page, site: str, who: Person) -> None:
    page.goto(f"{site}/admin/")
    page.get_by_label("Username").fill(who.customer.username)
    page.get_by_label("Password").fill(who.password)
    page.get_by_role("button", name="Log in").click()
    page.locator("#nav-sidebar-apps").wait_for(state="attached")
    page.wait_for_load_state()


def in_sidebar(page: Page, name: str) -> Locator:
    """A link of the sidebar. The theme's icons are words to screen readers."""
    return page.locator("#nav-sidebar-apps").get_by_role("link", name=name)


OVERFLOWING = (
    "[...document.querySelectorAll('html, #main .simplebar-content-wrapper')]"
    ".filter(one => one.scrollWidth > one.clientWidth).length"
)


def press(page: Page, name: str, message: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
    page.get_by_text(message).first.wait_for()
    page.wait_for_load_state()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    try:
        file: Path = fetched(AXE, tmp_path_factory.mktemp("data"))
    except LauncherError as error:
        unavailable(str(error))
    return file.read_text()


def faults(page: Page, axe: str) -> Iterator[str]:
    page.wait_for_load_state()
    # The admin improves what a script added before the next frame is drawn.
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.evaluate(axe)
    yield from page.evaluate(FOUND)
    yield from (f"no icon {name}" for name in page.evaluate(MISSING_ICONS))
    needed, width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    if needed > width:
        yield f"the page is {needed} px wide"


def faults_anywhere(page: Page, axe: str) -> list[str]:
    """The faults of a page in light and dark, at a desk and on a phone."""
    names: list[str] = []
    for width in (PHONE, DESK):
        page.set_viewport_size({"width": width, "height": 900})
        names += faults_in_schemes(page, axe)
    return names


def faults_in_schemes(page: Page, axe: str) -> list[str]:
    """The faults of a page in light and dark."""
    names: list[str] = []
    page.wait_for_load_state()  # before, the page may not have an element yet
    for is_dark in (True, False):
        page.emulate_media(color_scheme="dark" if is_dark else "light")
        # The theme reads the scheme of the browser only when a page is loaded.
        page.evaluate("is => document.documentElement.classList.toggle('dark', is)", is_dark)
        names += (f"{fault} ({'dark' if is_dark else 'light'})" for fault in faults(page, axe))
    return names


MOST_STEPS = 60
"""Presses of the Tab key from the beginning of a page to what is to be done next."""

FOCUSED = """(({body, activeElement: one}) =>
    one === body ? '' : one.ariaLabel || one.innerText || '')(document)"""
"""The name of the element that has the focus, in lines. Without a focus, the body is active."""


def tab_to(page: Page, name: str) -> None:
    """Presses Tab until the element of this name has the focus. Fails if none gets it."""
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        if name in str(page.evaluate(FOCUSED)).split("\n"):
            return
    raise AssertionError(f"{name} is not reached")
