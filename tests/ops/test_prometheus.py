"""A real Prometheus scrapes a real server and runs all queries of the dashboard and the rules."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Person
from tests.ops.prometheus import NEEDED, Prometheus, prometheus, rules
from tests.ops.samples import order
from tests.server import ROOT, Server
from tools.processes import wait_until

TOKEN = "a-token-for-prometheus"
DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
WITHOUT_ANY_HERE = {"larder_replica_lag_bytes"}
"""Metrics that have no series where there is no replica."""

pytestmark = [pytest.mark.system, NEEDED]


def questions() -> dict[str, str]:
    """Every query of every dashboard, by its panel, and every expression of every rule."""
    asked = {}
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", ()):
                asked[f"{panel['title']}: {target['legendFormat']}"] = target["expr"]
    for at, rule in enumerate(rules()):
        asked[f"{rule.get('alert') or rule['record']} ({at})"] = rule["expr"]
    return {name: expr.replace("$__rate_interval", "1m") for name, expr in asked.items()}


def names_in(expression: str) -> set[str]:
    """The metrics an expression names."""
    return set(re.findall(r"\blarder[_:][a-z0-9_:]+", re.sub(r'"[^"]*"', '""', expression)))


@pytest.fixture
def watched(
    transactional_db: None,
    person: Callable[..., Person],
    product: Callable[..., int],
    tmp_path: Path,
) -> Iterator[tuple[Server, Prometheus]]:
    """A server that has had all kinds of requests, and a Prometheus that has seen them."""
    jam, who = product(stock=1000), person()
    environment = {
        "METRICS_TOKEN": TOKEN,
        # No standby of another: a replica that is of no use, and reported as away.
        "REPLICA_URLS": os.environ["DATABASE_URL"],
    }
    with Server(workers=2, environment=environment, errors=tmp_path / "log") as server:
        target = f"127.0.0.1:{server.port}"
        with prometheus(tmp_path, targets=[target], token=TOKEN) as running:
            token = server.token(who.customer.username, who.password)

            def counted() -> bool:
                assert order(server, token, jam) == 201
                assert order(server, token, jam, 5000) == 409
                assert server.call("GET", "products", token=token).status == 200
                time.sleep(0.2)
                return len(running.query("larder:slo_missed:ratio_rate5m")) == 4

            assert wait_until(counted, 60)
            yield server, running


def test_prometheus_answers_all_queries_of_dashboard_and_rules_without_alerts(
    watched: tuple[Server, Prometheus],
) -> None:
    """One test, for a server and a Prometheus take ten seconds to come up."""
    server, monitor = watched
    all_names_exist(server, monitor)
    # After real traffic. Where a scrape took too long they are empty until the next.
    assert wait_until(lambda: not empty_panels(monitor)), empty_panels(monitor)
    rules_are_loaded_and_no_alarm_is_sent(monitor)


def all_names_exist(server: Server, monitor: Prometheus) -> None:
    """In the exposition; and the queries are PromQL."""
    text = server.call("GET", "/metrics", token=TOKEN).body.decode()
    exposed = set[str]()
    for family in text_string_to_metric_families(text):
        exposed |= {family.name, f"{family.name}_total"} | {s.name for s in family.samples}
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    asked = questions()
    assert len(asked) > 60
    for name, expression in asked.items():
        assert names_in(expression) <= exposed | recorded, name
        monitor.query(expression)


def empty_panels(monitor: Prometheus) -> set[str]:
    """Those that show nothing, but for what there is none of here."""
    empty = {
        name
        for name, expression in questions().items()
        if ":" in name and "(" not in name and not monitor.query(expression)
    }
    excused = {
        name
        for name, expression in questions().items()
        if names_in(expression) & WITHOUT_ANY_HERE or "> 0" in expression
    }
    # No worker has checked.
    excused |= {name for name in empty if "out of stock" in name or "invariant" in name}
    excused |= {name for name in empty if "sign of life" in name}
    return empty - excused


def rules_are_loaded_and_no_alarm_is_sent(monitor: Prometheus) -> None:
    """In a healthy shop."""
    groups = monitor.get("rules")["groups"]
    loaded: list[dict[str, Any]] = [rule for group in groups for rule in group["rules"]]
    assert len(loaded) == len(rules())
    assert {rule["lastError"] for rule in loaded if rule.get("lastError")} == set()
    firing = {alert["labels"]["alertname"] for alert in monitor.get("alerts")["alerts"]}
    # Requests are slow where eight test runs share a machine; no worker runs here, and the replica
    # is of no use: away, and after ten seconds also late.
    assert firing <= {
        *("LarderWorkerSilent", "LarderInvariantsUnchecked"),
        *("LarderReplicaAway", "LarderReplicaLags"),
        *(rule["alert"] for rule in rules() if "Budget" in rule.get("alert", "")),
    }
    assert wait_until(lambda: monitor.query('up{job="larder"}')[0]["value"][1] == "1")
