"""docs/reference/observability.md and the exposition name the same metrics, with the same help."""

import re
from pathlib import Path

from prometheus_client import REGISTRY, Metric
from prometheus_client.registry import Collector

from larder.ops import metrics
from larder.ops.shop_state import ShopState

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "observability.md"


def documented() -> set[str]:
    """The rows of the page's table."""
    return set(re.findall(r"^\| `larder_.*$", PAGE.read_text(), re.MULTILINE))


def row(family: Metric, labels: tuple[str, ...]) -> str:
    """What the table has to say of a metric."""
    name = f"{family.name}_total" if family.type == "counter" else family.name
    shown = " ".join(f"`{label}`," for label in labels).rstrip(",")
    cells = [f"`{name}`", family.type, shown, family.documentation]
    return re.sub(" +", " ", f"| {' | '.join(cells)} |")


def labels_of(family: Metric, collector: Collector) -> tuple[str, ...]:
    """Who counts knows them; of what is asked for the family does."""
    return tuple(getattr(collector, "_labelnames", None) or getattr(family, "_labelnames", []))


def test_the_page_lists_every_metric_as_it_is(db: None) -> None:
    metrics._instruments()
    exposed = {
        row(family, labels_of(family, collector))
        for collector in (*REGISTRY._collector_to_names, ShopState())
        for family in collector.collect()
        if family.name.startswith("larder_")
    }
    assert exposed == documented()
