"""The pages that show the code are compared with it."""

import re
from configparser import ConfigParser
from itertools import pairwise
from pathlib import Path

import grimp
import yaml

from tools.docs import pages
from tools.sizes import BUDGETS, REASON, SIZE, lines_of

ROOT = Path(__file__).resolve().parents[2]
MODULES = {path.parent.name for path in (ROOT / "larder").glob("*/__init__.py")}


def _layers() -> list[list[str]]:
    """The layers of .importlinter, the highest first."""
    walls = ConfigParser()
    walls.read(ROOT / ".importlinter")
    lines = walls["importlinter:contract:layers"]["layers"].split("\n")
    return [line.split(" | ") for line in map(str.strip, lines) if line]


PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text()


def _diagrams() -> list[str]:
    """The diagrams of the architecture page: packages, an order's path, processes."""
    return re.findall(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)


def test_the_picture_shows_the_layers_and_each_import_of_the_next_layer() -> None:
    page, _, _ = _diagrams()
    drawn = re.findall(r"^    (\w+) --> (\w+)$", page, re.MULTILINE)
    boxes = re.findall(r'^    (\w+)\["', page, re.MULTILINE)
    layers = _layers()
    assert boxes == [one for layer in layers for one in layer]
    assert set(boxes) == MODULES
    assert drawn == _imports_of_the_next_layer(layers)


def _imports_of_the_next_layer(layers: list[list[str]]) -> list[tuple[str, str]]:
    graph = grimp.build_graph("larder", cache_dir=None)
    return [
        (upper, lower)
        for above, below in pairwise(layers)
        for upper in above
        for lower in below
        if graph.direct_import_exists(
            importer=f"larder.{upper}", imported=f"larder.{lower}", as_packages=True
        )
    ]


def test_the_path_of_an_order_matches_the_code() -> None:
    _, page, _ = _diagrams()
    path = re.findall(r'\["(larder/\S+)\.py: (\w+)"\]', page)
    assert len(path) == 4, "three hops from the view to the ledger"
    graph = grimp.build_graph("larder", cache_dir=None)
    for (caller, function), (called, name) in pairwise(path):
        text = (ROOT / f"{caller}.py").read_text()
        assert f"\ndef {function}(" in text
        # Called, or given to the queue that calls it.
        assert re.search(rf"[ .(\[]{name}[(,]", text), f"{caller} does not call {name}"
        assert graph.direct_import_exists(
            importer=caller.replace("/", "."), imported=called.replace("/", ".")
        )
    called, name = path[-1]
    assert f"\ndef {name}(" in (ROOT / f"{called}.py").read_text()


def test_the_pictured_processes_match_the_compose_file() -> None:
    """An arrow is a dependency, a server's read from a replica, or a target of Prometheus."""
    _, _, page = _diagrams()
    compose = yaml.safe_load((ROOT / "deploy" / "compose" / "compose.yaml").read_text())
    left_out = {"migrate", "alertmanager", "grafana"}
    services = {name: one for name, one in compose["services"].items() if name not in left_out}
    needed = {
        (name, other)
        for name, one in services.items()
        for other in one.get("depends_on", ())
        if other not in left_out
    }
    reading = {
        (name, "replica")
        for name, one in services.items()
        if "REPLICA_URLS_FILE" in one.get("environment", ())
    }
    assert re.findall(r'^    (\w+)\(\["', page, re.MULTILINE) == list(services)
    drawn = set(re.findall(r"^    (\w+) ==> (\w+)$", page, re.MULTILINE))
    assert drawn == needed | reading | _measured()


def _measured() -> set[tuple[str, str]]:
    """Prometheus with each service that it measures, but itself."""
    settings = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    targets = [
        target.partition(":")[0]
        for job in settings["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    ]
    return {("prometheus", target) for target in targets if target != "prometheus"}


PLACE = re.compile(
    r"`((?:larder|config|deploy|docs|tests|tools)/[^`\s:]*)(?:: (\w+))?`((?:(?:: |, )`\w+`)*)"
)
"""A file or folder, and names that the file has: `file: name`, or `file`: `name`, `name`."""


def test_each_place_named_by_the_page_exists() -> None:
    wrong = []
    for path, name, more in PLACE.findall(PAGE):
        place, names = ROOT / path, [name] * bool(name) + re.findall(r"`(\w+)`", more)
        text = place.read_text() if place.is_file() else ""
        missing = [one for one in names if not re.search(rf"\b{one}\b", text)]
        wrong += [path] * (not place.exists()) + [f"{path}: {one}" for one in missing]
    assert wrong == []


def test_each_part_far_above_its_budget_has_its_reason_on_the_page() -> None:
    section = PAGE.split("\n## Sizes\n")[1].split("\n## ")[0]
    reasons = dict(REASON.findall(section))
    above = {
        part for part, budget in BUDGETS.items() if budget and lines_of(ROOT / part) > 1.1 * budget
    }
    assert reasons.keys() == above
    missing = [
        f"{part}/{name}"
        for part, reason in reasons.items()
        for name, _ in SIZE.findall(reason)
        if not (ROOT / part / name).exists()
    ]
    assert missing == []


def test_every_setting_is_in_the_example() -> None:
    settings = (ROOT / "config" / "settings.py").read_text()
    read = set(re.findall(r"""env\.\w+\(\s*"(\w+)\"""", settings))
    example = (ROOT / ".env.example").read_text()
    assert read == set(re.findall(r"^(\w+)=", example, re.MULTILINE))


def test_links_of_the_documents_work() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for target in pages.links(page.read_text())
        if not re.match("https?:|mailto:|#", target)
        and not (page.parent / target.partition("#")[0]).exists()
    ]
    assert broken == []
