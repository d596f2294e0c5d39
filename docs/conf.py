"""Sphinx's settings for the documentation site: `make docs`.

The pages are plain Markdown that a code host renders too. Only the site needs a table of contents,
and names in the place of links to files outside docs/.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from sphinx.util import logging

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
logger = logging.getLogger(__name__)

project = "Larder"
author = "the Larder contributors"
release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
extensions = ["myst_parser", "sphinxcontrib.mermaid"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True

myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
# Diagrams are drawn in the browser, by a script that the page loads from jsdelivr.
mermaid_version = "11.17.2"

html_theme = "furo"
html_title = f"Larder {release}"
html_static_path = ["_static"]
html_css_files = ["larder.css"]
# What assistive technology lacks in Furo's pages.
html_js_files = [
    (
        None,
        {
            "body": """addEventListener("DOMContentLoaded", () => {
  for (const caption of document.querySelectorAll(".caption[role=heading]"))
    caption.ariaLevel = "2";
  for (const sidebar of document.querySelectorAll(".sidebar-drawer"))
    sidebar.ariaLabel = "All pages";
  for (const region of document.querySelectorAll("pre, .table-wrapper"))
    if (region.scrollWidth > region.clientWidth) region.tabIndex = 0;
});"""
        },
    )
]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_logo = html_favicon = "../larder/http/static/api/larder.svg"
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {"color-brand-primary": "#047857", "color-brand-content": "#047857"},
    "dark_css_variables": {"color-brand-primary": "#34d399", "color-brand-content": "#34d399"},
}
html_use_opensearch = ""

SECTIONS = {
    "Try it": ["start", "explain/scope", "glossary"],
    "Build an app": [
        *("api/conventions", "api/account", "api/products", "api/orders", "api/payments"),
        *("api/feeds", "api/stream", "reference/problems", "clients/README"),
    ],
    "Run the shop": ["admin", "reference/permissions", "integrate/*"],
    "Operate": [
        *("deploy/index", "deploy/compose", "deploy/*", "operate/*"),
        *("reference/settings", "reference/metrics"),
    ],
    "Change it": ["explain/architecture", "extend", "explain/*", "adr/index"],
}
_LINK = re.compile(r"(?<!!)\[([^\[\]]*)\]\(([^)\s]+)\)")
_CODE = re.compile(r"^ *(```+).*?^ *\1 *$|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def setup(app: Any) -> None:
    """Pass every page through `_prepare` before it is parsed."""
    app.connect("source-read", _prepare)


def _prepare(app: Any, name: str, source: list[str]) -> None:
    page = Path(app.env.doc2path(name))
    text, end, parts = source[0], 0, []
    for code in _CODE.finditer(text):
        parts += [_relinked(text[end : code.start()], page), code[0]]
        end = code.end()
    source[0] = "".join(parts) + _relinked(text[end:], page)
    if name == "index":
        source[0] += "".join(_contents(title, names) for title, names in SECTIONS.items())
    elif name == "adr/index":
        source[0] += _contents("Decisions", ["0*"])


def _contents(title: str, names: list[str]) -> str:
    listed = "\n".join(names)
    return f"\n\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {title}\n\n{listed}\n```\n"


def _relinked(text: str, page: Path) -> str:
    """Return prose in which a link to a file outside docs/ is the name of that file."""
    return _LINK.sub(lambda link: _named(link, page), text)


def _named(link: re.Match[str], page: Path) -> str:
    label, target = link[1], link[2].partition("#")[0]
    if re.match(r"[a-z]+:", target) or not target:
        return link[0]
    path = (page.parent / target).resolve()
    if path.is_relative_to(HERE) and path.suffix == ".md":
        return link[0]
    name = os.path.relpath(path, ROOT)
    if not path.exists():
        logger.warning("there is no %s", name, location=str(page.with_suffix("")))
    return f"`{name}`" if label.strip("`/") in (name, path.name) else f"{label} (`{name}`)"
