"""The rules of deploy/prometheus: each alert has a section and a test that it fires and one that it
does not.
"""

import re
from itertools import pairwise
from typing import Any

import pytest
import yaml

from tests.ops.prometheus import PROMETHEUS, rules
from tests.server import ROOT

ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
TESTS = [
    test["alert_rule_test"]
    for file in sorted((PROMETHEUS / "tests").glob("*.yml"))
    for test in yaml.safe_load(file.read_text())["tests"]
]
CHECKS = [check for test in TESTS for check in test]
OF_A_CLUSTER = [
    rule["alert"]
    for group in yaml.safe_load((PROMETHEUS / "rules/patroni.yml").read_text())["groups"]
    for rule in group["rules"]
]


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_links_to_its_section_of_the_runbook(name: str) -> None:
    page, _, anchor = ALERTS[name]["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^## (.*)$", (ROOT / page).read_text(), re.MULTILINE)
    assert anchor == name.lower()
    assert name in headings
    assert ALERTS[name]["labels"]["severity"] in {"page", "ticket"}


def test_the_runbook_has_no_section_without_an_alert() -> None:
    page = (ROOT / "docs" / "how-to" / "runbooks" / "alerts.md").read_text()
    assert set(re.findall(r"^## (.*)$", page, re.MULTILINE)) == set(ALERTS)


@pytest.mark.parametrize("name", OF_A_CLUSTER)
def test_the_time_of_an_alert_is_tested_to_the_minute(name: str) -> None:
    """The same series do not fire it at one minute, and do at the next."""
    assert "for" in ALERTS[name]
    found = [
        (minutes(after) - minutes(before), bool(before["exp_alerts"]), bool(after["exp_alerts"]))
        for test in TESTS
        for before, after in pairwise(one for one in test if one["alertname"] == name)
    ]
    assert (1, False, True) in found


def minutes(check: dict[str, Any]) -> int:
    """The minute at which a check looks."""
    return int(check["eval_time"].removesuffix("m"))


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_is_tested_to_fire_and_not_to_fire(name: str) -> None:
    fired = {bool(check["exp_alerts"]) for check in CHECKS if check["alertname"] == name}
    assert fired == {True, False}


def test_the_page_has_exactly_the_measured_objectives() -> None:
    page = (ROOT / "docs" / "explanation" / "slo.md").read_text()
    budgets = {r["labels"]["slo"] for r in rules() if r.get("record") == "larder:slo_budget"}
    assert set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE)) == budgets
    for slo in budgets:
        windows = {r["record"] for r in rules() if r.get("labels", {}).get("slo") == slo}
        assert len(windows) == 8
