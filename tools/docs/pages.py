"""Turns a page of docs/ into what the site shows.

The pages are plain Markdown that a code host renders too. For the site, `docs/conf.py` passes
each of them through `for_site`. Only the standard library is used: the site's environment has
Sphinx, and nothing of Larder.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
DOCS = CHECKOUT / "docs"
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^)\s]+)\)")
"""A link, but no image: its label and its target."""
_FENCE = re.compile(r"(?ms)^ *(```+|~~~+) *([\w+-]*)[^\n]*\n(.*?)^ *\1[ \t]*$\n?")
_CODE = re.compile(r"(?s)(`+)(?!`).*?(?<!`)\1(?!`)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page: its language, its text and the line on which it begins."""

    language: str
    text: str
    line: int


def pages() -> list[Path]:
    """Return every page of the site, sorted."""
    found = DOCS.rglob("*.md")
    return sorted(page for page in found if "_build" not in page.parts)


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    for match in _FENCE.finditer(text):
        yield Block(match[2], _dedented(match), text.count("\n", 0, match.start()) + 1)


def prose(text: str) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("\n", text)


def paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs, items of lists and cells of tables of a page."""
    for part in re.split(r"\n\s*\n|\n(?=\s*(?:[-*+]|\d+\.) |\s*\||#)|(?m:^#.*\n)", prose(text)):
        yield from part.split("|") if part.lstrip().startswith("|") else [part]


def words(paragraph: str) -> int:
    """Return how many words a reader sees; the target of a link is none."""
    return len(re.sub(r"\]\([^)]*\)", "]", paragraph).split())


def links(text: str) -> list[str]:
    """Return the targets of the links of a page, without those in code."""
    return [match[2] for match in LINK.finditer(_CODE.sub(_blank, prose(text)))]


def picture_of(diagram: str) -> str:
    """Return the file name, in docs/pictures/diagrams, of a Mermaid block's picture."""
    return f"{hashlib.sha256(diagram.strip().encode()).hexdigest()[:16]}.svg"


def for_site(text: str, page: Path) -> str:
    """Return a page's text as the site reads it.

    Mermaid blocks become their committed pictures. Links to files outside docs/ become the names
    of these files. An index page gets a hidden table of contents of the pages that it links to.
    """
    made, end = [], 0
    for match in _FENCE.finditer(text):
        made.append(_relinked(text[end : match.start()], page))
        made.append(_pictured(match) if match[2] == "mermaid" else match[0])
        end = match.end()
    made.append(_relinked(text[end:], page))
    return "".join(made) + (_contents(text, page) if page.name == "index.md" else "")


def children(text: str, page: Path) -> list[str]:
    """Return the pages below an index page that it links to, relative to it, each once."""
    found: dict[str, None] = {}
    for target in links(text):
        path = (page.parent / target.partition("#")[0]).resolve()
        if path.suffix == ".md" and path != page and _nearest_index(path) == page.parent:
            found[os.path.relpath(path, page.parent)] = None
    return list(found)


def title_of(diagram: str) -> str:
    """Return the `accTitle` of a Mermaid diagram, its text for readers without pictures."""
    match = re.search(r"^\s*accTitle: *(.+)$", diagram, re.MULTILINE)
    return match[1].strip() if match else ""


def _nearest_index(path: Path) -> Path | None:
    """Return the folder whose index page lists `path`."""
    start = path.parent.parent if path.name == "index.md" else path.parent
    return next((one for one in (start, *start.parents) if (one / "index.md").exists()), None)


def _contents(text: str, page: Path) -> str:
    listed = "\n".join(children(text, page))
    return f"\n```{{toctree}}\n:hidden:\n\n{listed}\n```\n" if listed else ""


def _pictured(match: re.Match[str]) -> str:
    diagram = _dedented(match)
    return f"![{title_of(diagram)}](/pictures/diagrams/{picture_of(diagram)})\n"


def _dedented(match: re.Match[str]) -> str:
    """Return a block's text without the indentation of its fence."""
    indent = len(match[0]) - len(match[0].lstrip(" "))
    return re.sub(rf"^ {{0,{indent}}}", "", match[3], flags=re.MULTILINE)


def _relinked(text: str, page: Path) -> str:
    """Return prose whose links out of docs/ are the names of files."""
    return _outside_code(text, lambda part: LINK.sub(lambda one: _named(one, page), part))


def _named(link: re.Match[str], page: Path) -> str:
    label, target = link[1], link[2]
    if re.match(r"[a-z]+:|#", target):
        return link[0]
    path = (page.parent / target.partition("#")[0]).resolve()
    if path.is_relative_to(DOCS) and not path.is_dir():
        return link[0]
    name = os.path.relpath(path, CHECKOUT)
    return f"`{name}`" if label.strip("`/") in (name, path.name) else f"{label} (`{name}`)"


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """Return prose with `change` applied, except to code spans that contain a link."""
    spans: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if "](" not in match[0]:
            return match[0]
        spans.append(match[0])
        return f"\0{len(spans) - 1}\0"

    def put_back(changed: str) -> str:
        return re.sub(r"\0(\d+)\0", lambda one: spans[int(one[1])], changed)

    return put_back(change(_CODE.sub(keep, text)))


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])
