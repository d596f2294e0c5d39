"""The pages of docs/ can be read, followed and copied from; `make docs` builds them strictly."""

import json
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tools.docs import pages, screenshots
from tools.docs.pages import CHECKOUT, DOCS, Block

PAGES = [*pages.pages(), *(CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md"))]
SHELLS = ("sh", "bash", "shell")


def named(page: Path) -> str:
    return str(page.relative_to(CHECKOUT))


def written(language: str) -> list[tuple[str, Block]]:
    """The blocks of a language, each with its place."""
    return [
        (f"{named(page)}:{block.line}", block)
        for page in PAGES
        for block in pages.blocks(page.read_text())
        if block.language == language
    ]


@cache
def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as code hosts and the site make them."""
    found = re.findall(r"^#+ +(.+)$", pages.prose(page.read_text()), re.MULTILINE)
    plain = [re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading) for heading in found]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


def is_broken(page: Path, target: str) -> bool:
    """Whether a link of a page leads nowhere; links to other hosts are not followed."""
    if re.match(r"[a-z]+:", target):
        return False
    path, _, anchor = target.partition("#")
    to = (page.parent / path).resolve() if path else page
    if not to.exists():
        return True
    return bool(anchor) and to.suffix == ".md" and anchor not in anchors(to)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_to_pages_and_headings(page: Path) -> None:
    targets = pages.links(page.read_text())
    assert [target for target in targets if is_broken(page, target)] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_paragraph_is_longer_than_100_words(page: Path) -> None:
    found = pages.paragraphs(page.read_text())
    assert [(pages.words(one), one[:60]) for one in found if pages.words(one) > 100] == []


def test_no_decision_is_longer_than_800_words() -> None:
    decisions = sorted((DOCS / "adr").glob("0*.md"))
    long = {named(one): words for one in decisions if (words := len(one.read_text().split())) > 800}
    assert long == {}, "split it, or move its measurements to docs/explanation/performance"


def test_every_page_is_in_the_table_of_contents() -> None:
    listed: set[Path] = set()
    indexes = [DOCS / "index.md"]
    for index in indexes:
        listed.add(index)
        for child in pages.children(index.read_text(), index):
            path = (index.parent / child).resolve()
            listed.add(path)
            indexes += [path] if path.name == "index.md" else []
    assert set(pages.pages()) - listed == set()


def pictures(page: Path) -> set[Path]:
    """The files that a page shows as pictures."""
    found = re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", pages.prose(page.read_text()))
    return {(page.parent / target).resolve() for target in found}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_pictures_of_a_page_exist(page: Path) -> None:
    assert [str(one) for one in pictures(page) if not one.is_file()] == []


def test_every_screenshot_is_taken_by_the_command_and_is_on_a_page() -> None:
    kept = set(screenshots.PICTURES.iterdir())
    assert kept == set(screenshots.files())
    assert kept - set[Path]().union(*map(pictures, PAGES)) == set()
    assert sum(one.stat().st_size for one in kept) < 4_000_000


@pytest.mark.system
def test_shell_blocks_are_shell() -> None:
    for place, block in [one for shell in SHELLS for one in written(shell)]:
        done = subprocess.run(
            ["bash", "-n"], input=block.text, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{place}: {done.stderr}"


def test_make_targets_of_the_pages_exist() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][\w./-]*):", makefile, re.MULTILINE))
    for line in re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE):
        targets |= set(line.split())
    named_targets = {
        (named(page), target)
        for page in PAGES
        for target in re.findall(r"(?:^|`|&& )make ([a-z][\w./-]*)", page.read_text(), re.MULTILINE)
    }
    assert {one for one in named_targets if one[1].rstrip(".") not in targets} == set()


def test_json_blocks_are_json() -> None:
    assert {place: fault for place, block in written("json") if (fault := _fault(block))} == {}


def _fault(block: Block) -> str:
    """What is wrong with a block of JSON; empty if nothing is."""
    try:
        json.loads(block.text)
    except ValueError as error:
        return str(error)
    return ""


def test_python_blocks_are_python() -> None:
    for place, block in written("python"):
        assert compile(block.text, place, "exec"), place
