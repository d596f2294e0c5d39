"""The pages that show the code are compared with it."""

import re
from configparser import ConfigParser
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = {path.parent.name for path in (ROOT / "larder").glob("*/__init__.py")}


def _layers() -> list[list[str]]:
    """The layers of .importlinter, the highest first."""
    walls = ConfigParser()
    walls.read(ROOT / ".importlinter")
    lines = walls["importlinter:contract:layers"]["layers"].split("\n")
    return [line.split(" | ") for line in map(str.strip, lines) if line]


def test_the_picture_shows_the_layers_that_import_linter_holds() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    drawn = re.findall(r"^    (\w+) --> (\w+)$", page, re.MULTILINE)
    boxes = re.findall(r'^    (\w+)\["', page, re.MULTILINE)
    layers = _layers()
    assert boxes == [one for layer in layers for one in layer]
    assert set(boxes) == MODULES
    assert drawn == [
        (upper, lower) for above, below in pairwise(layers) for upper in above for lower in below
    ]


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
