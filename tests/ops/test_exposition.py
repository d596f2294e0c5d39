"""docs/observability.md tells of every metric what the exposition tells, and of no other."""

import re
from pathlib import Path

from prometheus_client import REGISTRY, Metric

from larder.ops import metrics

PAGE = Path(__file__).resolve().parents[2] / "docs" / "observability.md"


def documented() -> set[str]:
    """The rows of the page's table."""
    return set(re.findall(r"^\| `larder_.*$", PAGE.read_text(), re.MULTILINE))


def row(family: Metric, labels: tuple[str, ...]) -> str:
    """What the table has to say of a metric."""
    name = f"{family.name}_total" if family.type == "counter" else family.name
    shown = " ".join(f"`{label}`," for label in labels).rstrip(",")
    cells = [f"`{name}`", family.type, shown, family.documentation]
    return re.sub(" +", " ", f"| {' | '.join(cells)} |")


def test_the_page_lists_every_metric_as_it_is() -> None:
    metrics._instruments()
    exposed = {
        row(family, tuple(getattr(collector, "_labelnames", ())))
        for collector in REGISTRY._collector_to_names
        for family in collector.collect()
        if family.name.startswith("larder_")
    }
    assert exposed == documented()
