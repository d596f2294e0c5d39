"""The pages that show the code are compared with it."""

import re
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[2]
MODULES = {path.parent.name for path in (ROOT / "larder").glob("*/__init__.py")}


def test_the_picture_shows_every_module_and_every_import() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", page, re.MULTILINE))
    boxes = set(re.findall(r'^    (\w+)\["', page, re.MULTILINE))
    graph = grimp.build_graph("larder", cache_dir=None)
    imported = {
        (upper, lower)
        for upper in MODULES
        for lower in MODULES - {upper}
        if graph.direct_import_exists(
            importer=f"larder.{upper}", imported=f"larder.{lower}", as_packages=True
        )
    }
    assert boxes == MODULES
    assert drawn == imported


def test_every_setting_is_in_the_example() -> None:
    settings = (ROOT / "config" / "settings.py").read_text()
    read = set(re.findall(r"""env\.\w+\(\s*"(\w+)\"""", settings))
    example = (ROOT / ".env.example").read_text()
    assert read == set(re.findall(r"^(\w+)=", example, re.MULTILINE))


def test_links_of_the_documents_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []
