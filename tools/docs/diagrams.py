"""python -m tools.docs.diagrams: brings the diagrams of the pages up to date.

A block with a first line `%% generated: NAME` is written anew from the code (tools/docs/models.py).
Then every Mermaid block that has no picture in docs/pictures/diagrams is rendered, and pictures
of blocks that are gone are removed. Rendering needs Chromium, and npm once, for Mermaid itself;
without them the pictures are left to a machine that has both.
"""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tools.docs.browser import CHROMIUM, FOR_PICTURES, LAUNCH_MS
from tools.docs.models import DIAGRAMS
from tools.docs.pages import DOCS, blocks, pages, picture_of
from tools.docs.scripts import MERMAID, fetched
from tools.terminal import say

PICTURES = DOCS / "pictures" / "diagrams"
_GENERATED = re.compile(r"(```mermaid\n%% generated: (\w+)\n)(.*?)(```)", re.DOTALL)

_FRACTION = re.compile(r"-?\d+\.\d{2,}")
"""A number of more digits than a picture needs."""

_RENDER = """async ([id, text]) => {
    mermaid.initialize({
        startOnLoad: false, theme: 'neutral', securityLevel: 'strict', deterministicIds: true,
        htmlLabels: false, flowchart: {htmlLabels: false}, fontFamily: 'sans-serif',
    });
    const {svg} = await mermaid.render(id, text);
    const holder = document.createElement('div');
    holder.innerHTML = svg;
    const picture = holder.firstElementChild;
    const [, , width, height] = picture.getAttribute('viewBox').split(' ');
    picture.setAttribute('width', Math.ceil(width));
    picture.setAttribute('height', Math.ceil(height));
    picture.removeAttribute('style');
    return new XMLSerializer().serializeToString(picture);
}"""
"""Renders one diagram to SVG that needs no HTML inside, so that it can be an image of a page."""


def main() -> int:
    """Write the generated blocks and the missing pictures; remove pictures without a block."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs.diagrams")
    parser.add_argument("--data", type=Path, default=Path(".data"), help="where Mermaid is kept")
    options = parser.parse_args()
    for page in pages():
        text = page.read_text()
        if (made := regenerated(text)) != text:
            page.write_text(made)
    wanted = {picture_of(text): text for text in diagrams()}
    PICTURES.mkdir(parents=True, exist_ok=True)
    for file in PICTURES.iterdir():
        if file.name not in wanted:
            file.unlink()
    missing = {name: text for name, text in wanted.items() if not (PICTURES / name).exists()}
    if missing and (lacking := _lacking()):
        say(f"{len(missing)} diagrams are written and not rendered: {lacking} is not installed.")
        say("`make check` passes without their pictures, CI does not: run this where it is.")
        return 0
    if missing:
        render(missing, fetched(MERMAID, options.data))
    say(f"{len(wanted)} diagrams, {len(missing)} rendered")
    return 0


def _lacking() -> str:
    """Return what rendering needs and this machine does not have."""
    return "Chromium" if CHROMIUM is None else "" if shutil.which("npm") else "npm"


def regenerated(text: str) -> str:
    """Return a page's text with its generated blocks as the code says."""
    return _GENERATED.sub(lambda block: f"{block[1]}{DIAGRAMS[block[2]]()}\n{block[4]}", text)


def diagrams() -> list[str]:
    """Return the text of every Mermaid block of the pages."""
    return [
        block.text
        for page in pages()
        for block in blocks(page.read_text())
        if block.language == "mermaid"
    ]


def render(wanted: dict[str, str], script: Path) -> None:
    """Write a picture for each diagram, by file name."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FOR_PICTURES, timeout=LAUNCH_MS
        )
        page = browser.new_page()
        page.set_content("<!doctype html><html><body></body></html>")
        page.add_script_tag(path=script)
        for name, text in wanted.items():
            (PICTURES / name).write_text(_svg(page, name, text))
        browser.close()


def _svg(page: Page, name: str, text: str) -> str:
    made = str(page.evaluate(_RENDER, [f"d{Path(name).stem}", text]))
    return _FRACTION.sub(lambda number: f"{float(number[0]):.1f}", made) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
