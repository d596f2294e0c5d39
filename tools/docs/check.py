"""python -m tools.docs.check: opens the built site in Chromium, as wide as a desk and a phone.

No page may be wider than the window, and axe-core may find nothing serious on some of each kind.
Needs Chromium, and npm once, for axe-core itself.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tools.docs.browser import CHROMIUM, LAUNCH_MS, QUIETLY
from tools.docs.pages import DOCS
from tools.docs.scripts import AXE, fetched
from tools.errors import LauncherError
from tools.terminal import complain, step

SITE = DOCS / "_build" / "html"
DESK, PHONE = 1280, 390
LOOKED_AT = (
    "index.html",
    "search.html",
    "tutorial/first-order.html",
    "how-to/run-the-admin.html",
    "how-to/add-a-field.html",
    "reference/api/orders.html",
    "reference/permissions.html",
    "reference/settings.html",
    "explanation/architecture.html",
    "explanation/data-model.html",
    "explanation/performance/peers.html",
    "adr/index.html",
)
"""Pages for axe-core, which takes a second or two for each."""
_SERIOUS = """async () => {
    const found = await axe.run(document, {resultTypes: ['violations']});
    const serious = found.violations.filter(one => ['serious', 'critical'].includes(one.impact));
    return serious.map(one => `${one.id}: ${one.nodes.map(node => node.target).join(', ')}`);
}"""


def main() -> int:
    """Print each fault; 1 if there is one, or if CI has not what the check needs."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs.check")
    parser.add_argument("--data", type=Path, default=Path(".data"), help="where axe-core is kept")
    options = parser.parse_args()
    try:
        if CHROMIUM is None:
            raise LauncherError("Chromium is not installed.")
        script = fetched(AXE, options.data)
    except LauncherError as error:
        complain(f"The site was not looked at. {error}")
        return 1 if os.environ.get("CI") else 0
    with step("Site looked at, as wide as a desk and a phone"):
        found = list(faults(SITE, script, LOOKED_AT))
    for fault in found:
        complain(fault)
    return 1 if found else 0


def faults(site: Path, axe: Path, looked_at: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with the pages of a folder, with the page and the width."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=QUIETLY, timeout=LAUNCH_MS
        )
        for width in (DESK, PHONE):
            page = browser.new_page(viewport={"width": width, "height": 900})
            for file in sorted(site.rglob("*.html")):
                name = str(file.relative_to(site))
                page.goto(file.as_uri())
                found = [
                    *_too_wide(page, width),
                    *(_serious(page, axe) if name in looked_at else ()),
                ]
                yield from (f"{name}, {width} px: {fault}" for fault in found)
            page.close()
        browser.close()


def _too_wide(page: Page, width: int) -> Iterator[str]:
    needed = int(page.evaluate("document.documentElement.scrollWidth"))
    if needed > width:
        yield f"the page is {needed} px wide"


def _serious(page: Page, axe: Path) -> list[str]:
    page.add_script_tag(path=axe)
    return [str(one) for one in page.evaluate(_SERIOUS)]


if __name__ == "__main__":
    sys.exit(main())
