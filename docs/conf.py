"""Sphinx's settings for the documentation site: `make docs`."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tools.docs.pages import for_site  # noqa: E402

project = "Larder"
author = "the Larder contributors"
release = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]["version"]
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True

myst_heading_anchors = 4

html_theme = "furo"
html_title = f"Larder {release}"
html_static_path = ["_static"]
html_css_files = ["larder.css"]
html_js_files = ["larder.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}
# Nothing of the site is loaded from another host.
html_use_opensearch = ""


def setup(app: Any) -> None:
    """Pass every page through `for_site` before it is parsed."""
    app.connect("source-read", _prepare)


def _prepare(app: Any, name: str, source: list[str]) -> None:
    source[0] = for_site(source[0], Path(app.env.doc2path(name)))
