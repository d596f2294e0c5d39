"""docs/reference/observability.md lists every metric with its type and labels, and no other."""

import re
from operator import itemgetter
from pathlib import Path

from prometheus_client import REGISTRY, Metric
from prometheus_client.registry import Collector

from larder.ops.telemetry import metrics
from larder.ops.telemetry.shop_state import ShopState

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "observability.md"
Row = tuple[str, str, frozenset[str]]
"""A metric's name, type and labels. What a metric says in words may differ on the page."""


def documented() -> list[Row]:
    """The rows of the page's table."""
    lines = re.findall(r"^\| `(larder_\w+)` \| (\w+) \| (.*?) ?\|", PAGE.read_text(), re.MULTILINE)
    return [(name, kind, frozenset(re.findall(r"`(\w+)`", cell))) for name, kind, cell in lines]


def row(family: Metric, labels: tuple[str, ...]) -> Row:
    """What the table has to say of a metric."""
    name = f"{family.name}_total" if family.type == "counter" else family.name
    return name, family.type, frozenset(labels)


def labels_of(family: Metric, collector: Collector) -> tuple[str, ...]:
    """The labels of a family: those that its collector declares, otherwise those of the family."""
    return tuple(getattr(collector, "_labelnames", None) or getattr(family, "_labelnames", []))


def test_the_page_lists_every_metric_with_type_and_labels(db: None) -> None:
    metrics._instruments()
    exposed = [
        row(family, labels_of(family, collector))
        for collector in (*REGISTRY._collector_to_names, ShopState())
        for family in collector.collect()
        if family.name.startswith("larder_")
    ]
    assert sorted(exposed, key=itemgetter(0)) == sorted(documented(), key=itemgetter(0))
