"""The rules of deploy/prometheus: each alert has a section and a test that it fires and one that it
does not.
"""

import re

import pytest
import yaml

from tests.ops.prometheus import PROMETHEUS, rules
from tests.server import ROOT

ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
CHECKS = [
    check
    for file in sorted((PROMETHEUS / "tests").glob("*.yml"))
    for test in yaml.safe_load(file.read_text())["tests"]
    for check in test["alert_rule_test"]
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
